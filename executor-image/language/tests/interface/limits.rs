//! What is too large, too deep or without end is refused, with a clear error.

use slipway_language::{Node, Templar, yaml};

use super::render;

#[test]
fn hostile_or_broken_input_ends_with_an_error_and_not_with_the_process() {
    let laughs: String = (1..40).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
        format!("{text}a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1)
    });
    let message = yaml::parse(&laughs, "laughs.yml").unwrap_err().to_string();
    assert!(message.contains("more than"), "{message}");
    let deep = "[".repeat(100_000);
    assert!(yaml::parse(&deep, "deep.yml").is_err());
    let vault = yaml::parse("a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  61", "vault.yml")
        .unwrap_err()
        .to_string();
    assert!(
        vault
            .starts_with("vault.yml:1:4: this value is tagged !vault, but it is no valid ansible-vault text"),
        "{vault}"
    );
    for source in [
        "{{ 'x' | center(9999999999) }}",
        "{{ 'x' | indent(9999999999, true) }}",
        "{{ 'x'.ljust(9999999999) }}",
        "{{ 'x'.zfill(9999999999) }}",
        "{{ '%9999999999d' % 1 }}",
        "{{ 'x' * 9999999999 }}",
        "{{ [1] * 9999999999 }}",
        "{{ range(9999999999) | list }}",
        "{{ range(9999) | product(range(9999)) | list }}",
        "{{ '::/0' | ansible.utils.usable_range }}",
        "{{ 2 ** 99999 }}",
        "{{ [1] | json_query('[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[') }}",
    ] {
        assert!(render(source, "").is_err(), "{source}");
    }
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    assert!(render(endless, "").unwrap_err().contains("too long"));
}

#[test]
fn what_doubles_ends_with_a_clear_error_and_not_with_the_memory() {
    let started = std::time::Instant::now();
    let doubled = |begin: &str, step: &str| {
        format!(
            "{{% set ns = namespace(x={begin}) %}}{{% for i in range(60) %}}{{% set ns.x = {step} %}}{{% endfor %}}{{{{ ns.x | length }}}}"
        )
    };
    let text = "a text becomes longer than 67108864 bytes";
    let list = "a list becomes longer than 5000000 items";
    for (source, said) in [
        (doubled("'x'", "ns.x + ns.x"), text),
        (doubled("'x'", "ns.x ~ ns.x"), text),
        (doubled("'x'", "ns.x * 2"), "repeated string is too large"),
        (doubled("'x'", "[ns.x, ns.x] | join"), text),
        (doubled("'x'", "ns.x | replace('x', 'x' * 999)"), text),
        (doubled("'x'", "ns.x | regex_replace('x', 'x' * 999)"), text),
        (doubled("[1]", "ns.x + ns.x"), list),
        (doubled("[1, 2]", "ns.x * 2"), list),
        (
            "{% set l = [1] %}{% for i in range(60) %}{% set _ = l.extend(l) %}{% endfor %}".to_owned(),
            list,
        ),
        (
            "{% set t = 'x' * 9999999 %}{% for i in range(999) %}{{ t }}{% endfor %}".to_owned(),
            text,
        ),
        (
            "{{ ('x' * 99999) | replace('x', 'y' * 9999999) }}".to_owned(),
            text,
        ),
        ("{{ (['y' * 9999999] * 9999) | join }}".to_owned(), text),
        ("{{ [1] | product(repeat=999999999) }}".to_owned(), list),
        (
            "{{ range(99999) | permutations(2) }}".to_owned(),
            "more than 1000000 rows",
        ),
        (
            "{{ range(99999) | combinations(3) }}".to_owned(),
            "more than 1000000 rows",
        ),
        (
            "{{ ('c' ~ 'ab' * 99) | regex_search('^c(a|b|ab)*(?!b)c') }}".to_owned(),
            "the regular expression takes too long",
        ),
        ("{{ ('a' * 99 ~ 'b') | regex_search('^(a+)+$') }}".to_owned(), ""),
    ] {
        match render(&source, "") {
            Ok(value) => assert!(said.is_empty(), "{source}: {value:.100}"),
            Err(error) => assert!(error.contains(said), "{source}: {error:.300}"),
        }
    }
    // Lists that stay empty cost nothing, either.
    assert_eq!(render(&doubled("[]", "ns.x + ns.x"), "").unwrap(), "'0'");
    let most = std::time::Duration::from_mins(2);
    assert!(started.elapsed() < most, "{:?}", started.elapsed());
}

#[test]
fn what_becomes_ever_deeper_ends_with_a_clear_error_and_not_with_the_stack() {
    let grown = |begin: &str, step: &str, shown: &str| {
        format!(
            "{{% set ns = namespace(x={begin}) %}}{{% for i in range(9999) %}}{{% set ns.x = {step} %}}{{% endfor %}}{{{{ {shown} }}}}"
        )
    };
    let deep = "more than 500 lists and mappings in each other";
    let cyclic = "a list or mapping becomes part of itself";
    for (source, said) in [
        (grown("1", "[ns.x]", "ns.x | length"), deep),
        (grown("1", "{'a': ns.x}", "ns.x == ns.x"), deep),
        (
            "{% set a = [] %}{% set _ = a.append(a) %}{{ a }}".to_owned(),
            cyclic,
        ),
        (
            "{% set a = [] %}{% set b = [a] %}{% set _ = a.extend([b]) %}{{ a }}".to_owned(),
            cyclic,
        ),
        (
            "{% set a = {} %}{% set _ = a.setdefault('k', [a]) %}{{ a }}".to_owned(),
            cyclic,
        ),
        (
            "{% set ns = namespace(x=1) %}{% for i in range(40) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}"
                .to_owned(),
            "a list becomes longer than 5000000 items",
        ),
    ] {
        let error = render(&source, "").unwrap_err();
        assert!(error.contains(said), "{source}: {error:.300}");
    }
}

#[test]
fn an_expression_without_end_fits_the_stack_of_a_worker_thread_or_is_refused() {
    let run = || {
        let sources = |length: usize| {
            [
                format!("{{{{ {}1 }}}}", "-".repeat(length)),
                format!("{{{{ {}true }}}}", "not ".repeat(length)),
                format!("{{{{ 1{} }}}}", " | string".repeat(length)),
                format!("{{{{ 1{} }}}}", " + 1".repeat(length)),
                format!("{{{{ 's'{} }}}}", ".upper()".repeat(length)),
                format!("{{{{ 1{} }}}}", " if true else 1".repeat(length)),
                format!(
                    "{{% if n is defined %}}{}{{% endif %}}",
                    "{% elif 1 %}".repeat(length)
                ),
            ]
        };
        for source in sources(90).iter().chain(&sources(300)) {
            assert!(render(source, "").is_ok(), "{source}");
        }
        for source in sources(50_000) {
            let error = render(&source, "").unwrap_err();
            assert!(error.contains("more than 1000 operators"), "{error}");
        }
        for source in [
            "(".repeat(50_000),
            "{{ [".repeat(9_999),
            "{% if 1 %}".repeat(9_999),
        ] {
            let node = Node::text(
                slipway_language::Span::start_of("test.yml"),
                format!("{{{{ {source}"),
            );
            assert!(!Templar::new().check(&node).is_empty(), "{source}");
        }
    };
    let worker = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    worker.spawn(run).unwrap().join().unwrap();
}

#[test]
fn variables_that_name_each_other_deeply_fit_the_stack_of_a_worker_thread() {
    let chain = |length: usize| {
        let link = |text: String, link| format!("{text}v{link}: '{{{{ v{} }}}}x'\n", link + 1);
        let links = (0..length).fold(String::new(), link);
        format!("{links}v{length}: end\n")
    };
    let run = move || {
        assert_eq!(
            render("{{ v0 }}", &chain(40)).unwrap(),
            format!("'end{}'", "x".repeat(40))
        );
        assert!(
            render("{{ v0 }}", &chain(200))
                .unwrap_err()
                .contains("recursive loop")
        );
    };
    std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}
