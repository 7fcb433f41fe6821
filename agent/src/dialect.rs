//! Which YAML is read: version 1.1 as kubectl and Helm read it, everywhere
//! alike. A plain `0644` is 420, and a plain `yes` is true.

use serde_saphyr::Options;

/// These options, for that YAML.
pub(crate) fn of_kubernetes(mut options: Options) -> Options {
    options.legacy_octal_numbers = true;
    options
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn scalars_are_what_kubectl_takes_them_for() {
        let text = "mode: 0644\nquoted: '0644'\nyes: yes\nhex: 0x10\nten: 10\n";
        let read: Value =
            serde_saphyr::from_str_with_options(text, of_kubernetes(Options::default())).unwrap();
        assert_eq!(read, json!({"mode": 420, "quoted": "0644", "yes": true, "hex": 16, "ten": 10}));
    }
}
