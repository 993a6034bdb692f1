//! The configuration: what is taken is written and read again, what is refused is told in plain words.
#![no_main]

use destination_exporter::config::load;
use destination_exporter_fuzz::is_plain;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match load(text) {
        Ok(config) => {
            let yaml = config.to_yaml();
            assert_eq!(load(&yaml).as_ref(), Ok(&config), "{yaml}");
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
