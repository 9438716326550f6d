//! A link that takes its time: a relay in front of a machine that passes every byte on after a delay, in both directions.
//!
//! Not every kernel has `netem`. TCP's own handshake ends at the relay and is not delayed; everything after it is. Threads
//! sleep to the microsecond, timers of an asynchronous runtime only to the millisecond: hence threads.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use slipway_lab::{LAB_ADDRESS, Lab};

/// Opens a link to port 22 of a machine, for as long as this program runs; `delay` is the way in one direction. Returns where it
/// listens, in the lab's network.
pub fn open(lab: &Lab, machine: Ipv4Addr, delay: Duration) -> anyhow::Result<SocketAddr> {
    let (lab, (sender, listening)) = (lab.clone(), mpsc::channel());
    thread::spawn(move || {
        // A socket belongs to the network of the thread that makes it.
        let listener = lab
            .enter_thread()
            .map_err(anyhow::Error::from)
            .and_then(|()| TcpListener::bind((LAB_ADDRESS, 0)).context("listen for the slow link"));
        let listener = match listener {
            Ok(listener) => listener,
            Err(error) => return sender.send(Err(error)),
        };
        let told = sender.send(listener.local_addr().context("find the slow link's port"));
        for near in listener.incoming().flatten() {
            if let Ok(far) = TcpStream::connect((machine, 22)) {
                relay(&near, &far, delay);
            }
        }
        told
    });
    listening.recv().context("the slow link's thread ended")?
}

fn relay(near: &TcpStream, far: &TcpStream, delay: Duration) {
    for (from, to) in [(near, far), (far, near)] {
        // ok: packets would wait for each other, and a connection that cannot be shared is closed: the client says so.
        let _ = to.set_nodelay(true);
        if let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) {
            pass(from, to, delay);
        }
    }
}

/// Passes bytes on, each after the delay; any amount may be under way.
fn pass(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (sender, under_way) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if sender
                .send((Instant::now() + delay, buffer[..count].to_vec()))
                .is_err()
            {
                break;
            }
        }
    });
    thread::spawn(move || {
        for (due, bytes) in under_way {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        // ok: the other side may have closed it already.
        let _ = to.shutdown(Shutdown::Write);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    #[test]
    fn bytes_arrive_in_order_and_not_before_the_delay_is_over() {
        let delay = Duration::from_millis(50);
        let ((mut near, from), (to, mut far)) = (pair(), pair());
        pass(from, to, delay);
        let start = Instant::now();
        near.write_all(b"one").unwrap();
        near.write_all(b"two").unwrap();
        drop(near);
        let mut text = String::new();
        far.read_to_string(&mut text).unwrap();
        assert_eq!(text, "onetwo");
        assert!(start.elapsed() >= delay);
    }
}
