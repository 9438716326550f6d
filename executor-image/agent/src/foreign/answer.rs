//! What a foreign module has printed, as a result.

use serde_json::Value;

use crate::answer::{Answer, answer};
use crate::process::Output;
use crate::python_text::split_lines;

/// The result in a module's output: a JSON object. Lines before it are passed over, lines after it are warned of.
pub fn read(output: &Output) -> Answer {
    let (text, junk) = match find_object(&output.stdout) {
        Ok(found) => found,
        Err(reason) => return failure(output, &format!("MODULE FAILURE: {reason}")),
    };
    let Ok(Value::Object(mut answer)) = serde_json::from_str(&text) else {
        return failure(output, "MODULE FAILURE");
    };
    // Only keys of the controller's own begin so: a module cannot set them.
    answer = without_internal_keys(answer);
    for stream in ["stdout", "stderr"] {
        let lines = format!("{stream}_lines");
        if let Some(text) = answer.get(stream).and_then(Value::as_str)
            && !answer.contains_key(&lines)
        {
            let split: Vec<Value> = split_lines(text).into_iter().map(Value::from).collect();
            answer.insert(lines, Value::Array(split));
        }
    }
    if !junk.trim().is_empty() {
        // A warning that is no part of the result.
        let warning = format!("Module invocation had junk after the JSON data: {junk}");
        answer.insert("_ansible_warnings".to_owned(), vec![warning].into());
    }
    if !output.stderr.is_empty() {
        // Only a background job's result shows it.
        answer.insert(STDERR.to_owned(), beginning(&output.stderr).into());
    }
    answer
}

/// What a module that did print a result has printed to its standard error.
pub const STDERR: &str = "_ansible_stderr";

/// The mapping and all mappings in it without keys that only the controller uses.
fn without_internal_keys(fields: Answer) -> Answer {
    fn clean(value: Value) -> Value {
        match value {
            Value::Object(fields) => Value::Object(without_internal_keys(fields)),
            Value::Array(items) => items.into_iter().map(clean).collect(),
            other => other,
        }
    }
    fields
        .into_iter()
        .filter(|(key, _)| !key.starts_with("_ansible_"))
        .map(|(key, value)| (key, clean(value)))
        .collect()
}

/// The lines from the first that begins with a brace to the last that ends with one, and the lines after them.
fn find_object(text: &str) -> Result<(String, String), &'static str> {
    let lines: Vec<&str> = text.lines().collect();
    let first = lines
        .iter()
        .position(|line| line.trim_start().starts_with('{'))
        .ok_or("No start of json char found")?;
    let last = lines
        .iter()
        .rposition(|line| line.trim_end().ends_with('}'))
        .filter(|last| *last >= first)
        .ok_or("No end of json char found")?;
    Ok((lines[first..=last].join("\n"), lines[last + 1..].join("\n")))
}

/// The most that a result repeats of each output, in bytes: it may grow sixfold as JSON, and must fit into a frame.
const REPEATED: usize = 512 * 1024;

fn beginning(text: &str) -> String {
    text[..text.floor_char_boundary(REPEATED)].to_owned()
}

/// The failure of a module that printed no result.
fn failure(output: &Output, message: &str) -> Answer {
    let (code, word) = match output.code {
        // A shell between the connection and the module would say so.
        code @ ..0 => (128 - code, signal_word(-code)),
        code => (code, ""),
    };
    let stdout = beginning(&output.stdout);
    let stderr = beginning(&output.stderr) + word;
    let mut answer = answer!({
        "failed": true,
        "changed": false,
        "module_stdout": stdout,
        "module_stderr": stderr,
        "msg": format!("{message}\nSee stdout/stderr for the exact error"),
        "rc": code,
    });
    if let Some(traceback) = [&stderr, &stdout]
        .into_iter()
        .find(|text| text.starts_with("Traceback"))
    {
        answer.insert("exception".to_owned(), Value::from(traceback.as_str()));
    }
    answer
}

fn signal_word(signal: i32) -> &'static str {
    match signal {
        6 => "Aborted\n",
        9 => "Killed\n",
        11 => "Segmentation fault\n",
        15 => "Terminated\n",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(stdout: &str, stderr: &str, code: i32) -> Output {
        Output {
            code,
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        }
    }

    #[test]
    fn a_result_is_found_among_other_lines() {
        let answer = read(&output(
            "hello\n  {\"changed\": true,\n\"stdout\": \"a\\nb\"}\nbye\n",
            "",
            0,
        ));
        assert_eq!(answer["changed"], true);
        assert_eq!(answer["stdout_lines"], serde_json::json!(["a", "b"]));
        assert_eq!(
            answer["_ansible_warnings"][0],
            "Module invocation had junk after the JSON data: bye"
        );
    }

    #[test]
    fn a_module_without_a_result_has_failed_with_all_that_it_said() {
        for (stdout, code, message) in [
            (
                "nothing\n",
                0,
                "MODULE FAILURE: No start of json char found\nSee stdout/stderr for the exact error",
            ),
            (
                "{ open\n",
                3,
                "MODULE FAILURE: No end of json char found\nSee stdout/stderr for the exact error",
            ),
            (
                "{ wrong }\n",
                1,
                "MODULE FAILURE\nSee stdout/stderr for the exact error",
            ),
        ] {
            let answer = read(&output(stdout, "", code));
            assert_eq!(answer["msg"], message);
            assert_eq!(answer["rc"], code);
            assert_eq!(answer["module_stdout"], stdout);
            assert_eq!(answer["failed"], true);
        }
        let killed = read(&output("", "", -9));
        assert_eq!(
            (&killed["rc"], &killed["module_stderr"]),
            (&137.into(), &"Killed\n".into())
        );
        let raised = read(&output("", "Traceback (most recent call last)\n", 1));
        assert_eq!(raised["exception"], raised["module_stderr"]);
    }

    #[test]
    fn a_module_cannot_set_the_keys_of_the_engine() {
        let answer = read(&output(
            "{\"_ansible_no_log\": false, \"x\": [{\"_ansible_y\": 1}]}",
            "",
            0,
        ));
        assert_eq!(Value::Object(answer), serde_json::json!({"x": [{}]}));
    }
}
