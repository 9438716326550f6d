//! Python's `random.Random`: the same seed gives the same numbers as in Ansible.

use minijinja::Value;
use minijinja::value::ValueKind;
use rand_mt::Mt;
use sha2::{Digest as _, Sha512};

use super::python;

/// Python's generator.
pub(crate) enum Chance {
    /// Seeded: the same numbers each time.
    Seeded(Box<Mt>),
    /// From the operating system.
    System,
}

impl Chance {
    /// Chance of the operating system, or that of a seed.
    pub(crate) fn new(seed: Option<&Value>) -> Self {
        seed.filter(|seed| !seed.is_none()).map_or(Self::System, |seed| {
            Self::Seeded(Box::new(Mt::new_with_key(key(seed))))
        })
    }

    /// A number of so many random bits, at most 64.
    fn bits(&mut self, count: u32) -> u64 {
        match self {
            Self::Seeded(generator) => {
                // Python takes the low words first.
                let low = count.min(32);
                let mut bits = u64::from(generator.next_u32() >> (32 - low));
                if count > 32 {
                    bits |= u64::from(generator.next_u32() >> (64 - count)) << 32;
                }
                bits
            }
            Self::System => {
                let mut bytes = [0; 8];
                rand::fill(&mut bytes);
                u64::from_le_bytes(bytes) >> (64 - count)
            }
        }
    }

    /// A number below a limit.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 {
            return 0;
        }
        let count = u64::BITS - limit.leading_zeros();
        loop {
            let chosen = self.bits(count);
            if chosen < limit {
                return chosen;
            }
        }
    }

    /// An index of a list that is not empty.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// Puts a list into another order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.index(index + 1));
        }
    }
}

/// What Python seeds the generator with: a whole number as it is; a text's bytes with their hash, as one large number.
fn key(seed: &Value) -> Vec<u32> {
    let bytes = match seed.kind() {
        ValueKind::Number if seed.is_integer() => {
            let number = i128::try_from(seed.clone()).unwrap_or(0).unsigned_abs();
            number.to_be_bytes().to_vec()
        }
        ValueKind::Bool => vec![u8::from(seed.is_true())],
        _ => {
            let text = python::to_text(seed).into_bytes();
            let hash = Sha512::digest(&text);
            [text, hash.to_vec()].concat()
        }
    };
    let mut words: Vec<u32> = bytes
        .rchunks(4)
        .map(|chunk| chunk.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)))
        .collect();
    while words.len() > 1 && words.last() == Some(&0) {
        words.pop();
    }
    words
}
