//! Cases of what is otherwise than the operator approved.

use super::case::Case;
use super::case::Kind::{Below, Fires};
use super::case::case;
use super::resources::{around, said};

pub fn cases() -> Vec<Case> {
    [drift(), unread()].concat()
}

fn drift() -> Vec<Case> {
    let name = "DestinationDrift";
    let on = |kind, of_host: u32, of_shop: u32, times: &str| {
        case(kind, name)
            .step("1m")
            .series("destination_drift{@,kind=\"proxy\"}", &format!("{of_host}{times}"))
            .series("destination_drift{@,destination=\"shop\",kind=\"name\"}", &format!("{of_shop}{times}"))
            .series("destination_drift{@,destination=\"shop\",kind=\"network\"}", &format!("0{times}"))
    };
    let says = |settings: &str, which: &str| {
        said(
            name,
            "host",
            &[],
            format!("server-1:10061: {settings} otherwise than approved"),
            format!(
                "Otherwise than in the snapshot that was approved: {which}, by kind. The page says which, with the command that shows all of it; /events says since when.\nWhere it was meant: approve what there is, destination-exporter snapshot. Where not: put it right."
            ),
        )
    };
    let three = says("3 settings are", "proxy of the host (1), name on shop (2)");
    let one = says("1 setting is", "name on shop (1)");
    let mut cases = around(&|kind, times| on(kind, 1, 2, times), &three, "15m", "14m");
    cases.extend([
        on(Fires, 0, 1, "x90").says(one).fires(&["15m"]),
        on(Below, 0, 0, "x90").silent(&["15m", "30m"]),
        // A deployment takes less.
        on(Below, 0, 1, "x13 0x60").silent(&["14m", "15m", "30m"]),
    ]);
    cases
}

fn unread() -> Vec<Case> {
    let name = "DestinationDriftUnknown";
    let says = |so: &str| {
        said(
            name,
            "exporter",
            &[],
            "The exporter on server-1:10061 cannot read what was approved".to_owned(),
            format!(
                "The file of drift.approved_file is missing or damaged, or of a later version. {so}\nSee: destination-exporter --config.check --config.file=FILE"
            ),
        )
    };
    let on = |kind, readable: u32, times: &str| {
        case(kind, name)
            .step("1m")
            .series("destination_drift_baseline_readable{@}", &format!("{readable}{times}"))
    };
    let mut cases = around(&|kind, times| on(kind, 0, times), &says("Nothing is compared."), "15m", "14m");
    let before = "What was read of it before is in force, 1h 0m 0s old, until the exporter is started anew.";
    cases.extend([
        on(Fires, 0, "x90")
            .series("destination_drift_baseline_timestamp_seconds{@}", "-3600+60x90")
            .says(says(before))
            .fires(&["15m", "30m"]),
        on(Below, 1, "x90").silent(&["15m", "30m"]),
        on(Below, 0, "x12 1x60").silent(&["15m", "30m"]),
    ]);
    cases
}
