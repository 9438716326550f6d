//! `pause` with a person at the terminal. Real Ansible asks and goes on in the same way, by the same keys.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use support::terminal;

fn playbook(tasks: &str) -> String {
    format!("- hosts: localhost\n  gather_facts: false\n  tasks:\n{tasks}")
}

#[test]
fn a_line_is_the_answer_and_can_be_hidden() {
    let tasks = "    - {name: asks, pause: {prompt: What}, register: said}
    - debug: {msg: \"<{{ said.user_input }}>\"}
    - {name: hides, pause: {prompt: Which, echo: false}, register: hidden}
    - debug: {msg: \"{{ hidden.user_input | length }} letters\"}
    - pause:
    - debug: {msg: goes on}
";
    let answers = [
        ("[asks]\r\nWhat:", "on\u{e9}\u{7f}e\r"),
        ("Which (output is hidden):", "secret\n"),
        ("Press enter to continue, Ctrl+C to interrupt:", "\r"),
    ];
    let shown = terminal::shown(&playbook(tasks), &answers);
    for said in ["<one>", "6 letters", "goes on", "exit code 0 left 0"] {
        assert!(shown.contains(said), "{said:?}: {shown}");
    }
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn a_time_can_be_ended_early_and_a_play_aborted() {
    let tasks = "    - {pause: {seconds: 40, prompt: waits}, register: early}
    - debug: {msg: \"<{{ early.user_input }}> {{ early.delta < 20 }}\"}
    - pause: {prompt: again}
    - pause: {minutes: 1}
    - debug: {msg: never}
";
    let answers = [
        ("[pause]\r\nwaits:", "sooner\r\u{3}"),
        ("Press 'C' to continue the play or 'A' to abort", "C"),
        ("again:", "\u{3}"),
        ("Press 'C' to continue the play or 'A' to abort", "c"),
        (
            "(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)",
            "\u{3}",
        ),
        ("Press 'C' to continue the play or 'A' to abort", "a"),
    ];
    let shown = terminal::shown(&playbook(tasks), &answers);
    for said in [
        "Pausing for 40 seconds",
        "<> True",
        "Pausing for 60 seconds",
        "{\"msg\": \"user requested abort!\"}",
        "exit code 2 left 0",
    ] {
        assert!(shown.contains(said), "{said:?}: {shown}");
    }
    assert!(!shown.contains("never") && !shown.contains("sooner"), "{shown}");
}

#[test]
fn nobody_is_waited_for_where_nobody_is() {
    let tasks = "    - {name: asks, pause: {prompt: What}, register: said}
    - pause: {seconds: 1, prompt: waits}
    - debug: {msg: \"<{{ said.user_input }}>\"}
";
    let played = support::play(&playbook(tasks), &["-i", "localhost,", "-c", "local"]);
    played.assert(
        0,
        &[
            "Not waiting for response to prompt as stdin is not interactive",
            "Pausing for 1 seconds",
            "<>",
        ],
    );
    assert!(!played.stdout.contains("What"), "{}", played.stdout);
}
