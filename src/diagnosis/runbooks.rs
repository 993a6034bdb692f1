//! The runbooks that the exporter carries: of every finding, and of every alert of `alerts/`.
//!
//! Whoever opens the link of a notification has this exporter before them, and nothing else for certain.

use super::Code;

macro_rules! alerts {
    ($($name:literal)*) => {
        /// The alerts that have one, with it.
        pub const ALERTS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../docs/runbooks/", $name, ".md"))),)*];
    };
}

alerts! {
    "DestinationAddressPoolsEnding"
    "DestinationAddressPoolsLow"
    "DestinationAddressesEnding"
    "DestinationAddressesLow"
    "DestinationBudgetBurn"
    "DestinationCapabilityLost"
    "DestinationCertificateAging"
    "DestinationConfigReloadFailed"
    "DestinationConntrackHigh"
    "DestinationDefect"
    "DestinationDrift"
    "DestinationDriftUnknown"
    "DestinationEngineSilent"
    "DestinationExporterAbsent"
    "DestinationExporterBlind"
    "DestinationExporterDown"
    "DestinationExporterGone"
    "DestinationExporterRestarting"
    "DestinationFault"
    "DestinationFlapping"
    "DestinationHostDefect"
    "DestinationHostFault"
    "DestinationInventoryOld"
    "DestinationLeftOut"
    "DestinationManyFaults"
    "DestinationProbesStale"
    "DestinationProbesUncovered"
    "DestinationProbesUnknown"
    "DestinationRouteBudgetBurn"
    "DestinationRouteDefect"
    "DestinationRouteFault"
    "DestinationScrapeSlow"
    "DestinationSecurityDefect"
    "DestinationSlow"
    "DestinationSwarmDefect"
    "DestinationSwarmFault"
    "DestinationSwarmNoQuorum"
    "DestinationSwarmNodeNotReady"
    "DestinationSwarmNodeUnwatched"
    "DestinationSwarmPartitioned"
    "DestinationWatchdog"
}

/// The runbook of a finding's code or of an alert.
pub fn runbook(name: &str) -> Option<&'static str> {
    let code = Code::ALL.iter().find(|code| code.as_label() == name).map(|code| code.runbook());
    code.or_else(|| ALERTS.iter().find(|(alert, _)| *alert == name).map(|(_, text)| *text))
}
