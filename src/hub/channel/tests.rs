//! Tests of a channel, end by end.

use std::future::poll_fn;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;
use std::task::Poll::Ready;
use std::task::Wake;
use std::time::Duration;

use futures::executor::block_on;

use super::*;

fn frame(id: i64) -> Arc<Frame> {
    Frame::ping(AlarmId(id))
}

fn poll(channel: &mut Channel) -> Poll<Received> {
    channel.poll_frame(&mut Context::from_waker(Waker::noop()))
}

fn id(received: Poll<Received>) -> Option<AlarmId> {
    match received {
        Ready(Received::Frame(frame)) => frame.id(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn frames_come_in_order_while_others_are_queued() {
    let (sender, mut channel) = channel();
    let send = |id| sender.send(&frame(id)).unwrap();

    send(1);
    send(2);
    assert_eq!(id(poll(&mut channel)), Some(AlarmId(1)));
    send(3);
    assert_eq!(id(poll(&mut channel)), Some(AlarmId(2)));
    assert_eq!(id(poll(&mut channel)), Some(AlarmId(3)));
    assert!(poll(&mut channel).is_pending());
    send(4);
    assert_eq!(id(poll(&mut channel)), Some(AlarmId(4)));
}

#[test]
fn a_full_queue_refuses_until_a_frame_is_taken() {
    let (sender, mut channel) = channel();
    for _ in 0..QUEUE_FRAMES {
        sender.send(&frame(1)).unwrap();
    }

    assert_eq!(sender.send(&frame(1)), Err(Fate::Full));
    assert!(poll(&mut channel).is_ready());
    assert_eq!(sender.send(&frame(1)), Ok(()));
}

#[test]
fn a_queue_that_was_full_gives_its_memory_back_while_it_is_taken() {
    let (sender, mut channel) = channel();
    for _ in 0..QUEUE_FRAMES {
        sender.send(&frame(1)).unwrap();
    }

    for left in (0..QUEUE_FRAMES).rev() {
        assert!(poll(&mut channel).is_ready());
        let room = channel.0.queue().rest.capacity();
        assert!(room <= KEPT_FRAMES.max(4 * left), "{room} for {left}");
    }
}

#[test]
fn a_frame_of_any_size_fits_into_an_empty_queue_only() {
    let (sender, mut channel) = channel();
    let large = Frame::state(&"x".repeat(QUEUE_BYTES), None);

    assert_eq!(sender.send(&large), Ok(()));
    assert_eq!(sender.send(&frame(1)), Err(Fate::Full));
    assert!(poll(&mut channel).is_ready());
    assert_eq!(sender.send(&frame(1)), Ok(()));
    assert_eq!(sender.send(&large), Err(Fate::Full));
}

#[test]
fn a_spill_is_told_once_after_what_was_queued_before_it() {
    let (sender, mut channel) = channel();
    let mut context = Context::from_waker(Waker::noop());
    sender.send(&frame(1)).unwrap();
    sender.spill(AlarmId(7));

    assert_eq!(id(channel.poll_queued(&mut context)), Some(AlarmId(1)));
    assert!(channel.poll_queued(&mut context).is_pending());
    assert_eq!(sender.spilled(), Some(AlarmId(7)));
    assert!(matches!(
        poll(&mut channel),
        Ready(Received::Spilled(AlarmId(7)))
    ));
    assert_eq!(sender.spilled(), None);
    assert!(poll(&mut channel).is_pending());
}

#[test]
fn a_channel_that_spilled_and_was_closed_ends_with_its_reason() {
    let (sender, mut channel) = channel();
    sender.send(&frame(1)).unwrap();
    sender.spill(AlarmId(1));
    sender.close(Bye::Expired);
    drop(sender);

    assert_eq!(id(poll(&mut channel)), Some(AlarmId(1)));
    assert!(matches!(poll(&mut channel), Ready(Received::Closed)));
    assert_eq!(channel.closed(), Some(Bye::Expired));
}

#[test]
fn a_frame_for_a_receiver_that_is_gone_is_refused() {
    let (sender, gone) = channel();
    drop(gone);
    assert_eq!(sender.send(&frame(1)), Err(Fate::Gone));
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn who_waits_is_woken_once_by_whatever_comes() {
    type Wait = fn(&mut Channel, &mut Context<'_>) -> bool;
    type Come = fn(&Sender);
    let waits: [Wait; 3] = [
        |channel, context| channel.poll_frame(context).is_pending(),
        |channel, context| channel.poll_queued(context).is_pending(),
        |channel, context| channel.poll_closed(context).is_pending(),
    ];
    let comes: [Come; 2] = [
        |sender| sender.send(&frame(1)).unwrap(),
        |sender| sender.spill(AlarmId(1)),
    ];
    for wait in waits {
        for come in comes {
            let (sender, mut channel) = channel();
            let woken = Arc::new(Woken::default());
            let waker = Waker::from(Arc::clone(&woken));
            let mut context = Context::from_waker(&waker);
            assert!(wait(&mut channel, &mut context));
            assert!(wait(&mut channel, &mut context));

            come(&sender);
            come(&sender);
            assert_eq!(woken.0.load(Ordering::SeqCst), 1);
            drop(sender);
            assert_eq!(woken.0.load(Ordering::SeqCst), 1, "it was woken before");
        }
        let (sender, mut channel) = channel();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        assert!(wait(&mut channel, &mut Context::from_waker(&waker)));
        drop(sender);
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert!(!wait(&mut channel, &mut Context::from_waker(&waker)));
    }
}

#[test]
fn a_receiver_on_another_thread_is_woken_for_each_frame() {
    const DEADLINE: Duration = Duration::from_secs(10);
    let (sender, mut channel) = channel();
    let (tell, told) = mpsc::channel();

    let receiver = std::thread::spawn(move || {
        while let Received::Frame(frame) = block_on(poll_fn(|context| channel.poll_frame(context)))
        {
            tell.send(frame.id()).unwrap();
        }
    });
    for number in 0..20_000 {
        sender.send(&frame(number)).unwrap();
        assert_eq!(told.recv_timeout(DEADLINE), Ok(Some(AlarmId(number))));
    }
    drop(sender);

    let end = told.recv_timeout(DEADLINE);
    assert_eq!(end, Err(mpsc::RecvTimeoutError::Disconnected));
    receiver.join().unwrap();
}
