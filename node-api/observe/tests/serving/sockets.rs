//! The socket, and how often sources are looked at.

use std::{
    net::SocketAddr,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message, client::IntoClientRequest as _, protocol::frame::coding::CloseCode,
    },
};

use crate::client::{WATCHDOG, counting, get, serve};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(address: SocketAddr, origin: Option<&str>) -> Result<Socket, Error> {
    let mut request = format!("ws://{address}/ws").into_client_request()?;
    if let Some(origin) = origin {
        request
            .headers_mut()
            .insert("origin", origin.parse().unwrap());
    }
    Ok(connect_async(request).await?.0)
}

async fn next(socket: &mut Socket) -> Option<Message> {
    let next = tokio::time::timeout(WATCHDOG, socket.next());
    next.await.expect("something comes").transpose().unwrap()
}

async fn stats(socket: &mut Socket) -> Value {
    loop {
        match next(socket).await.expect("the socket stays open") {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn status(refused: Result<Socket, Error>) -> u16 {
    match refused {
        Err(Error::Http(answer)) => answer.status().as_u16(),
        Ok(_) => panic!("it opened"),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn all_sockets_get_the_same_look_each_second() {
    let (counting, looks) = counting();
    let serving = serve([counting]);
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(open(serving.address(), None).await.unwrap());
    }
    let mut seen = vec![Vec::new(); 3];
    for _ in 0..4 {
        for (socket, seen) in sockets.iter_mut().zip(&mut seen) {
            let stats = stats(socket).await;
            seen.push((
                stats["at"].as_u64().unwrap(),
                stats["counting"]["looks"].as_u64().unwrap(),
            ));
        }
    }
    for seen in &seen {
        for pair in seen.windows(2) {
            let [(at, look), (next_at, next_look)] = pair else {
                unreachable!()
            };
            assert_eq!(
                look + 1,
                *next_look,
                "no look is left out, none comes twice: {seen:?}"
            );
            // The two clocks, of sleeping and of telling, may differ a little.
            assert!(next_at - at > 950, "a second lies between two: {seen:?}");
        }
    }
    assert_eq!(seen[0], seen[1], "all get the same");
    assert!(looks.load(Ordering::Relaxed) <= 6, "one look for all");
}

#[tokio::test]
async fn nobody_is_looked_at_while_nobody_looks() {
    let (counting, looks) = counting();
    let serving = serve([counting]);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(looks.load(Ordering::Relaxed), 0);
    let mut socket = open(serving.address(), None).await.unwrap();
    stats(&mut socket).await;
    socket.close(None).await.unwrap();
    while next(&mut socket).await.is_some() {}
    // One may have been asked for already.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let after = looks.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(looks.load(Ordering::Relaxed), after);
}

#[test]
fn many_requests_share_a_look_a_second() {
    let (counting, looks) = counting();
    let serving = serve([counting]);
    let began = Instant::now();
    for path in ["/metrics", "/api/stats", "/api/counting", "/readyz"].repeat(20) {
        assert_eq!(get(serving.address(), path).status, 200);
    }
    assert!(looks.load(Ordering::Relaxed) <= began.elapsed().as_secs() + 1);
}

#[tokio::test]
async fn only_its_own_page_opens_a_socket() {
    let (counting, looks) = counting();
    let serving = serve([counting]);
    let own = format!("http://{}", serving.address());
    for origin in ["http://evil.example", "null", "http://localhost:1"] {
        assert_eq!(
            status(open(serving.address(), Some(origin)).await),
            403,
            "{origin}"
        );
    }
    assert_eq!(looks.load(Ordering::Relaxed), 0);
    let mut socket = open(serving.address(), Some(&own)).await.unwrap();
    assert!(stats(&mut socket).await["counting"].is_object());
}

#[tokio::test]
async fn whoever_sends_a_message_is_closed() {
    let (counting, _) = counting();
    let serving = serve([counting]);
    for message in [Message::text("{}"), Message::binary(vec![0; 16])] {
        let mut socket = open(serving.address(), None).await.unwrap();
        stats(&mut socket).await;
        socket.send(message).await.unwrap();
        // A look may be on its way already.
        let close = match next(&mut socket).await {
            Some(Message::Text(_)) => next(&mut socket).await,
            other => other,
        };
        let Some(Message::Close(Some(close))) = close else {
            panic!("it closes and says why, not {close:?}");
        };
        assert_eq!(close.code, CloseCode::Policy);
        assert_eq!(close.reason, "this socket takes no messages");
    }
    // One that is too long is not even read to its end.
    let mut socket = open(serving.address(), None).await.unwrap();
    socket.send(Message::text("x".repeat(1 << 20))).await.ok();
    let mut looks = 0;
    while let Ok(Some(Ok(_))) = tokio::time::timeout(WATCHDOG, socket.next()).await {
        looks += 1;
        assert!(looks < 3, "it is still open");
    }
}

#[tokio::test]
async fn a_ping_is_answered_between_two_looks() {
    let (counting, _) = counting();
    let serving = serve([counting]);
    let mut socket = open(serving.address(), None).await.unwrap();
    socket.send(Message::Ping("here".into())).await.unwrap();
    let mut answered = false;
    // Behind a look or two.
    for _ in 0..3 {
        let message = next(&mut socket).await.expect("it stays open");
        answered |= message == Message::Pong("here".into());
    }
    assert!(answered);
    stats(&mut socket).await;
}

#[tokio::test]
async fn more_sockets_than_there_are_places_for_are_told_to_ask() {
    let (counting, _) = counting();
    let serving = serve([counting]);
    let mut sockets = Vec::new();
    for _ in 0..32 {
        sockets.push(open(serving.address(), None).await.unwrap());
    }
    assert_eq!(status(open(serving.address(), None).await), 503);
    let address = serving.address();
    let polled = tokio::task::spawn_blocking(move || get(address, "/api/stats").status);
    assert_eq!(polled.await.unwrap(), 200);
    // Whoever goes makes room.
    drop(sockets);
    let deadline = Instant::now() + WATCHDOG;
    while open(serving.address(), None).await.is_err() {
        assert!(Instant::now() < deadline, "no room is made");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
