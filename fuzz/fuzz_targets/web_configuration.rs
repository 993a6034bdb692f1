//! The file that says who may read, and certificates and keys that stand in it.
#![no_main]

use std::path::Path;

use destination_exporter::config::web::load;
use destination_exporter::web::fuzzing::door;
use destination_exporter_fuzz::is_plain;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match load(text, Path::new("/nonexistent")) {
        Ok(web) => {
            assert!(web.users.iter().all(|(name, _)| !name.is_empty() && !name.contains(':')));
            // No file of this machine is opened at a stranger's word.
            if web.files().next().is_none()
                && let Err(problem) = door(&web)
            {
                assert!(is_plain(&problem.to_string()), "{problem}");
            }
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                let told = problem.to_string();
                assert!(is_plain(&told), "{told:?}");
                assert!(told.len() < 4096, "{} bytes: {told}", told.len());
            }
        }
    }
});
