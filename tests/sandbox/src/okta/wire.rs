//! Below HTTP: sockets that can be reset, bodies that arrive slowly or in part, and how many answers are under way.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::answer::Manner;

/// A connection that ends with RST instead of FIN once its flag is set.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, reset: Arc<AtomicBool>) -> Self {
        Self { stream, reset }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            drop(self.stream.set_zero_linger());
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// One request being answered: it ends when the body was handed over, or the client has gone.
#[derive(Debug)]
pub(crate) struct Flight {
    all: Arc<AtomicUsize>,
    /// How many there were when this one began, itself included.
    pub(crate) number: usize,
}

impl Flight {
    pub(crate) fn begin(all: &Arc<AtomicUsize>) -> Self {
        let number = all.fetch_add(1, Ordering::SeqCst) + 1;
        Self { all: Arc::clone(all), number }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A body, with its request's place among those in flight.
#[derive(Debug)]
pub(crate) struct Reply {
    stream: Stream,
    _flight: Option<Flight>,
}

#[derive(Debug)]
enum Stream {
    Whole(Bytes),
    Slow { rest: Bytes, bytes: usize, every: Duration, pause: Option<Pin<Box<Sleep>>> },
    Cut { half: Bytes, flushed: bool },
    Spaces { left: u64, opened: bool },
}

impl Reply {
    pub(crate) fn empty() -> Self {
        Self { stream: Stream::Whole(Bytes::new()), _flight: None }
    }

    /// A body that arrives in the given manner.
    pub(crate) fn new(mut body: Bytes, manner: &Manner, flight: Option<Flight>) -> Self {
        let stream = match manner {
            Manner::Slow { bytes, every } => {
                Stream::Slow { rest: body, bytes: (*bytes).max(1), every: *every, pause: None }
            }
            Manner::CutBody | Manner::CutChunked => {
                body.truncate(body.len() / 2);
                Stream::Cut { half: body, flushed: false }
            }
            Manner::Oversized(bytes) => Stream::Spaces { left: *bytes, opened: false },
            _ => Stream::Whole(body),
        };
        Self { stream, _flight: flight }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let frame = match &mut self.stream {
            Stream::Whole(body) => (!body.is_empty()).then(|| std::mem::take(body)),
            Stream::Slow { rest, bytes, every, pause } => {
                if let Some(sleep) = pause {
                    ready!(sleep.as_mut().poll(context));
                }
                *pause = Some(Box::pin(tokio::time::sleep(*every)));
                let piece = rest.split_to((*bytes).min(rest.len()));
                (!piece.is_empty()).then_some(piece)
            }
            Stream::Cut { half, flushed } => {
                if half.is_empty() {
                    if !*flushed {
                        // hyper sends what it has when a body lets it wait: the half is to arrive.
                        *flushed = true;
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
                }
                Some(std::mem::take(half))
            }
            Stream::Spaces { left, opened } => {
                if *left == 0 {
                    return Poll::Ready(None);
                }
                let length = (*left).min(64 * 1024);
                *left -= length;
                let mut spaces = vec![b' '; usize::try_from(length).unwrap_or_default()];
                if !std::mem::replace(opened, true) {
                    spaces[0] = b'[';
                }
                if *left == 0
                    && let Some(last) = spaces.last_mut()
                {
                    *last = b']';
                }
                Some(Bytes::from(spaces))
            }
        };
        Poll::Ready(frame.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.stream, Stream::Whole(body) if body.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.stream {
            Stream::Whole(body) => SizeHint::with_exact(body.len() as u64),
            _ => SizeHint::default(),
        }
    }
}
