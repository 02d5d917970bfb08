//! A proxy for HTTP tunnels (RFC 9110, section 9.3.6), and one of SOCKS 5 (RFC 1928): every tunnel leads to one address, so that
//! no name is resolved.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A running proxy. Ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _tasks: Tasks,
}

impl Proxy {
    /// One whose tunnels lead to `backend`; without it, it refuses all with 403.
    pub async fn start(backend: Option<SocketAddr>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let book = Arc::clone(&asked);
        let tasks = Tasks::serve(listener, move |connection| tunnel(connection, backend, Arc::clone(&book)));
        Ok(Self { address, asked, _tasks: tasks })
    }

    /// One of SOCKS 5 whose tunnels lead to `backend`.
    pub async fn start_socks(backend: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let book = Arc::clone(&asked);
        let tasks = Tasks::serve(listener, move |connection| socks(connection, backend, Arc::clone(&book)));
        Ok(Self { address, asked, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to put into `HTTPS_PROXY`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The request line of each request so far.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        lock(&self.asked).clone()
    }
}

fn lock(asked: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn tunnel(
    connection: TcpStream,
    backend: Option<SocketAddr>,
    asked: Arc<Mutex<Vec<String>>>,
) -> io::Result<()> {
    let mut client = BufStream::new(connection);
    let mut request = String::new();
    client.read_line(&mut request).await?;
    lock(&asked).push(request.trim_end().to_owned());
    let mut header = String::new();
    while client.read_line(&mut header).await? > 2 {
        header.clear();
    }
    let Some(backend) = backend.filter(|_| request.starts_with("CONNECT ")) else {
        client.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await?;
        return client.flush().await;
    };
    let mut server = TcpStream::connect(backend).await?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    client.flush().await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// Notes `socks: ` and the kind of address and the command that were asked for.
async fn socks(mut client: TcpStream, backend: SocketAddr, asked: Arc<Mutex<Vec<String>>>) -> io::Result<()> {
    // The version and the ways to sign in that are offered; none is needed.
    let [_version, ways] = [client.read_u8().await?, client.read_u8().await?];
    client.read_exact(&mut vec![0; ways.into()]).await?;
    client.write_all(&[5, 0]).await?;
    let mut head = [0; 4];
    client.read_exact(&mut head).await?;
    let [_version, command, _reserved, kind] = head;
    let length = match kind {
        1 => 4,
        3 => client.read_u8().await?.into(),
        _ => 16,
    };
    client.read_exact(&mut vec![0; length + 2]).await?;
    lock(&asked).push(format!("socks: {kind} {command}"));
    let mut server = TcpStream::connect(backend).await?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// A listener and its connections, which end when this is dropped.
#[derive(Debug)]
pub(crate) struct Tasks(JoinHandle<()>);

impl Tasks {
    /// Serves each connection in a task. Whatever goes wrong with one ends that one.
    pub(crate) fn serve<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.spawn(serve(connection));
            }
        }))
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.abort();
    }
}
