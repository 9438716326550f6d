//! Ranges in host names: `node[01:10].example`, `rack-[a:f]`, `n[1:9:2]`; and ports behind them.

/// The most hosts that one line may stand for: a digit too many in a range would fill the memory before anybody sees it.
const MOST: u64 = 100_000;

/// Host names and the port that all of them have.
#[derive(Debug, PartialEq, Eq)]
pub struct Hosts {
    /// The names.
    pub names: Vec<String>,
    /// The port.
    pub port: Option<u16>,
}

/// Whether what is wrong with a range is its form. What is no range at all may be a name as it is.
pub fn is_of_form(message: &str) -> bool {
    message.starts_with("host range must ")
}

/// The hosts of a pattern as inventories write it: `name:port`, with ranges.
///
/// # Errors
/// A sentence that says what is wrong with a range.
pub fn hosts(pattern: &str) -> Result<Hosts, String> {
    let (pattern, port) = split_port(pattern);
    Ok(Hosts {
        names: expand(pattern)?,
        port,
    })
}

/// `name:port`, `[::1]:port`; an IPv6 address without brackets has no port.
pub fn split_port(pattern: &str) -> (&str, Option<u16>) {
    if let Some(rest) = pattern.strip_prefix('[')
        && let Some((address, port)) = rest.split_once(']')
        && address.matches(':').count() > 1
        && address.parse::<std::net::Ipv6Addr>().is_ok()
    {
        return (address, port.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    let colon = outside_brackets(pattern, ':');
    match colon.as_slice() {
        [colon] => match pattern[colon + 1..].parse() {
            Ok(port) => (&pattern[..*colon], Some(port)),
            Err(_) => (pattern, None),
        },
        _ => (pattern, None),
    }
}

/// Where a character stands outside of `[…]`.
fn outside_brackets(text: &str, wanted: char) -> Vec<usize> {
    let mut depth = 0_i32;
    let mut found = Vec::new();
    for (index, character) in text.char_indices() {
        match character {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ if character == wanted && depth <= 0 => found.push(index),
            _ => {}
        }
    }
    found
}

/// The names that `pattern` stands for.
///
/// # Errors
/// A sentence that says what is wrong with the range.
pub fn expand(pattern: &str) -> Result<Vec<String>, String> {
    let Some(open) = pattern.find('[') else {
        return Ok(vec![pattern.to_owned()]);
    };
    let Some(close) = pattern[open..].find(']').map(|offset| open + offset) else {
        return Err(format!("the range in {pattern:?} has no closing bracket"));
    };
    let (head, range, tail) = (&pattern[..open], &pattern[open + 1..close], &pattern[close + 1..]);
    let parts: Vec<&str> = range.split(':').collect();
    let (start, end, step) = match parts.as_slice() {
        [start, end] => (*start, *end, 1),
        [start, end, step] => {
            let step: usize = step
                .parse()
                .map_err(|_| format!("the step {step:?} of the range in {pattern:?} is not a number"))?;
            (*start, *end, step)
        }
        _ => {
            return Err(format!(
                "host range must be begin:end or begin:end:step: [{range}]"
            ));
        }
    };
    if end.is_empty() {
        return Err(format!("host range must specify end value: [{range}]"));
    }
    if step == 0 {
        return Err(format!("the step of the host range [{range}] must not be zero"));
    }
    let tails = expand(tail)?;
    let values = values(start, end, step, range)?;
    let too_many = || format!("the ranges in {pattern:?} stand for more than {MOST} hosts");
    if values.len().saturating_mul(tails.len()) as u64 > MOST {
        return Err(too_many());
    }
    let mut names = Vec::new();
    for value in values {
        for tail in &tails {
            names.push(format!("{head}{value}{tail}"));
        }
    }
    Ok(names)
}

fn values(start: &str, end: &str, step: usize, range: &str) -> Result<Vec<String>, String> {
    let start = if start.is_empty() { "0" } else { start };
    if let (Some(first), Some(last)) = (single_letter(start), single_letter(end)) {
        if first > last {
            return Err(format!("host range must have begin <= end: [{range}]"));
        }
        return Ok((first..=last).step_by(step).map(String::from).collect());
    }
    let (Ok(first), Ok(last)) = (start.parse::<u64>(), end.parse::<u64>()) else {
        return Err(format!("host range [{range}] is neither numbers nor letters"));
    };
    if first > last {
        return Err(format!("host range must have begin <= end: [{range}]"));
    }
    if (last - first) / step as u64 >= MOST {
        return Err(format!(
            "the host range [{range}] stands for more than {MOST} hosts"
        ));
    }
    // A leading zero asks for names of equal width: 01, 02, … 10.
    let width = if start.len() > 1 && start.starts_with('0') {
        if start.len() != end.len() {
            return Err(format!(
                "host range must specify equal-length begin and end formats: [{range}]"
            ));
        }
        start.len()
    } else {
        0
    };
    Ok((first..=last)
        .step_by(step)
        .map(|number| format!("{number:0width$}"))
        .collect())
}

fn single_letter(text: &str) -> Option<char> {
    let mut characters = text.chars();
    let letter = characters.next()?;
    (characters.next().is_none() && letter.is_ascii_alphabetic()).then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn ranges_expand_as_ansible_does() {
        let cases: &[(&str, &[&str])] = &[
            ("web", &["web"]),
            ("n[1:3]", &["n1", "n2", "n3"]),
            ("n[08:10].x", &["n08.x", "n09.x", "n10.x"]),
            ("n[1:9:4]", &["n1", "n5", "n9"]),
            ("r[a:c]", &["ra", "rb", "rc"]),
            ("r[a:b]n[1:2]", &["ran1", "ran2", "rbn1", "rbn2"]),
        ];
        for (pattern, names) in cases {
            assert_eq!(expand(pattern).unwrap(), *names, "{pattern}");
        }
    }

    #[test]
    fn ports_are_split_off_but_not_of_bare_addresses() {
        for (pattern, name, port) in [
            ("h:22", "h", Some(22)),
            ("[::1]:22", "::1", Some(22)),
            ("fe80::1", "fe80::1", None),
            ("n[1:3]:80", "n[1:3]", Some(80)),
            ("n[1:3]", "n[1:3]", None),
        ] {
            assert_eq!(super::split_port(pattern), (name, port), "{pattern}");
        }
    }

    #[test]
    fn wrong_ranges_say_why() {
        for (pattern, message) in [
            ("n[1:", "no closing bracket"),
            ("n[3:1]", "begin <= end"),
            ("n[1:]", "end value"),
            ("n[01:100]", "equal-length"),
            ("n[1:5:0]", "must not be zero"),
            ("n[1:99999999999]", "more than 100000 hosts"),
            ("n[1:9999][1:9999]", "more than 100000 hosts"),
        ] {
            let error = expand(pattern).unwrap_err();
            assert!(error.contains(message), "{pattern}: {error}");
        }
    }
}
