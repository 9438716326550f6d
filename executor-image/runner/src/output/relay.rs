//! Lines for people and events for callbacks in another process, in one order: a thread writes lines when everything before them has
//! been heard, and the run waits for neither.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use serde_json::Value as Json;

/// How much may wait. A run does not go on much faster than those who listen to it.
const WAITING: usize = 4096;

/// Answers what those ask who are told of events.
pub type Answers = Arc<dyn Fn(&Json) -> Json + Send + Sync>;

/// Passes events on.
pub trait Teller: Send {
    /// Tells of an event, and returns when it has been heard.
    ///
    /// # Errors
    /// When nobody hears any more.
    fn tell(&mut self, event: &Json, answers: &dyn Fn(&Json) -> Json) -> Result<(), String>;
}

enum Message {
    Output(Vec<u8>),
    Errors(Vec<u8>),
    Event(Json),
    /// Who answers from here on.
    Answers(Answers),
    /// Everything before is to be written and heard.
    Settle(SyncSender<()>),
}

/// Takes lines and events, in order.
#[derive(Clone)]
pub struct Relay(SyncSender<Message>);

impl std::fmt::Debug for Relay {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Relay").finish_non_exhaustive()
    }
}

impl Relay {
    /// Starts the thread.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn start(
        teller: Box<dyn Teller>,
        output: Box<dyn Write + Send>,
        errors: Box<dyn Write + Send>,
    ) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING);
        let work = move || pass_on(&receiver, teller, output, errors);
        thread::Builder::new().name("callbacks".to_owned()).spawn(work)?;
        Ok(Self(sender))
    }

    fn send(&self, message: Message) {
        // ok: the thread ends after all senders.
        let _ = self.0.send(message);
    }

    /// An event, behind everything that has been said.
    pub fn tell(&self, event: Json) {
        self.send(Message::Event(event));
    }

    /// Those who ask are answered by this from here on.
    pub fn answer(&self, answers: Answers) {
        self.send(Message::Answers(answers));
    }

    /// Waits until everything that has been said is written and heard.
    pub fn settle(&self) {
        let (done, waiting) = sync_channel(1);
        self.send(Message::Settle(done));
        // ok: as above.
        let _ = waiting.recv();
    }

    /// Standard output.
    pub fn output(&self) -> Box<dyn Write + Send> {
        Box::new(Outlet {
            relay: self.clone(),
            wrap: Message::Output,
        })
    }

    /// Standard error.
    pub fn errors(&self) -> Box<dyn Write + Send> {
        Box::new(Outlet {
            relay: self.clone(),
            wrap: Message::Errors,
        })
    }
}

/// Where lines go that have to wait for their turn.
struct Outlet {
    relay: Relay,
    wrap: fn(Vec<u8>) -> Message,
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.relay.send((self.wrap)(bytes.to_vec()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn pass_on(
    receiver: &Receiver<Message>,
    teller: Box<dyn Teller>,
    mut output: Box<dyn Write + Send>,
    mut errors: Box<dyn Write + Send>,
) {
    let mut teller = Some(teller);
    let mut answers: Answers = Arc::new(|_| Json::Null);
    for message in receiver {
        // ok: a reader that went away ends nothing; the run goes on.
        let _ = match message {
            Message::Output(bytes) => output.write_all(&bytes).and_then(|()| output.flush()),
            Message::Errors(bytes) => errors.write_all(&bytes).and_then(|()| errors.flush()),
            Message::Event(event) => match teller
                .as_mut()
                .map(|teller| teller.tell(&event, answers.as_ref()))
            {
                Some(Err(why)) => {
                    teller = None;
                    writeln!(errors, "[WARNING]: callbacks hear no more of this run: {why}")
                }
                _ => Ok(()),
            },
            Message::Answers(new) => {
                answers = new;
                Ok(())
            }
            Message::Settle(done) => {
                let _ = done.send(());
                Ok(())
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<String>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .unwrap()
                .push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Teller for Page {
        fn tell(&mut self, event: &Json, _: &dyn Fn(&Json) -> Json) -> Result<(), String> {
            thread::sleep(std::time::Duration::from_millis(20));
            if event == "end" {
                return Err("no".to_owned());
            }
            writeln!(self, "heard {event}").map_err(|error| error.to_string())
        }
    }

    #[test]
    fn lines_wait_for_the_events_before_them_and_one_who_hears_no_more_ends_nothing() {
        let page = Page::default();
        let relay = Relay::start(
            Box::new(page.clone()),
            Box::new(page.clone()),
            Box::new(page.clone()),
        )
        .unwrap();
        let mut output = relay.output();
        writeln!(output, "a").unwrap();
        relay.tell(Json::from(1));
        writeln!(output, "b").unwrap();
        relay.tell(Json::from("end"));
        relay.tell(Json::from(2));
        writeln!(output, "c").unwrap();
        relay.settle();
        assert_eq!(
            *page.0.lock().unwrap(),
            "a\nheard 1\nb\n[WARNING]: callbacks hear no more of this run: no\nc\n"
        );
    }
}
