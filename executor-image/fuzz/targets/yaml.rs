//! Any text is YAML or an error with a place; never the end of the process.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = slipway_language::yaml::parse_all(text, "fuzz.yml") {
        assert!(error.to_string().starts_with("fuzz.yml:"));
    }
});
