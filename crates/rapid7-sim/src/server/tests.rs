//! The shell over real sockets.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::messages::Kind;
use crate::spec::LogSpec;

const START: i64 = 1_767_225_600_000;

fn run<F: Future<Output = ()>>(future: F) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

async fn server(faults: &[&str]) -> Server {
    let mut config = SimConfig::default()
        .with_log(LogSpec::generated("log", Kind::Csv, 2_000).span(START, START + 60_000));
    faults.iter().for_each(|fault| config.faults.add(fault).unwrap());
    let clock: Clock = Arc::new(|| START + 120_000);
    serve_with_clock(config, "127.0.0.1:0".parse().unwrap(), clock).await.unwrap()
}

/// Sends one request and reads to the end of the connection.
async fn ask(server: &Server, target: &str) -> (String, io::Result<()>) {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let head = format!("GET {target} HTTP/1.1\r\nHost: x\r\nX-Api-Key: sim-key\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes).await.map(|_| ());
    (String::from_utf8_lossy(&bytes).into_owned(), ended)
}

fn download(server: &Server) -> String {
    let id = server.account().lock().unwrap().truth()[0].id.clone();
    format!("/download/logs/{id}?from={START}&to={}", START + 60_000)
}

#[test]
fn links_lead_back_to_the_server() {
    run(async {
        let server = server(&[]).await;
        let url = download(&server).replace("/download/", "/query/");
        let (text, ended) = ask(&server, &url).await;
        assert!(ended.is_ok() && text.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(text.contains(&format!("{}/query/logs/", server.origin())));
        assert!(text.contains("date: Thu, 01 Jan 2026 00:02:00 GMT"));
        let (stats, _) = ask(&server, "/__stats").await;
        assert!(stats.contains("\"max_concurrent\":1"), "{stats}");
        server.shutdown().await;
    });
}

#[test]
fn a_reset_is_a_reset() {
    run(async {
        let server = server(&["connection_reset_before_body@1"]).await;
        let (text, ended) = ask(&server, "/management/logs").await;
        assert_eq!((text.as_str(), ended.unwrap_err().kind()), ("", io::ErrorKind::ConnectionReset));
        assert!(ask(&server, "/management/logs").await.0.starts_with("HTTP/1.1 200"));
        server.shutdown().await;
    });
}

#[test]
fn a_cut_download_has_no_last_chunk() {
    run(async {
        let server = server(&["download_cut_without_last_chunk@1"]).await;
        let url = download(&server);
        let (cut, _) = ask(&server, &url).await;
        assert!(cut.starts_with("HTTP/1.1 200") && cut.contains("transfer-encoding: chunked"));
        assert!(!cut.ends_with("0\r\n\r\n"), "the stream ended in order");
        let (whole, _) = ask(&server, &url).await;
        assert!(whole.ends_with("0\r\n\r\n"));
        assert!(cut.len() > 10_000 && cut.len() < whole.len());
        server.shutdown().await;
    });
}

#[test]
fn a_cut_body_is_shorter_than_it_says() {
    run(async {
        let server = server(&["body_cut_mid_json:management@1"]).await;
        let (cut, _) = ask(&server, "/management/logs").await;
        let (whole, _) = ask(&server, "/management/logs").await;
        let length = |text: &str| {
            text.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().to_owned()
        };
        assert_eq!(length(&cut), length(&whole));
        assert!(cut.len() < whole.len() && cut.contains("{\"logs\""));
        server.shutdown().await;
    });
}

#[test]
fn slow_answers_arrive_whole() {
    run(async {
        let server = server(&["slow_trickle@1"]).await;
        let url = download(&server);
        let (slow, _) = ask(&server, &format!("{url}&limit=40")).await;
        let (fast, _) = ask(&server, &format!("{url}&limit=40")).await;
        let rows = |text: &str| text.matches("example.test").count();
        assert_eq!((rows(&slow), rows(&fast)), (40, 40));
        server.shutdown().await;
    });
}

#[test]
fn shutdown_ends_open_connections() {
    run(async {
        let server = server(&["slow_first_byte@1"]).await;
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        stream.write_all(b"GET /validate HTTP/1.1\r\nHost: x\r\nX-Api-Key: sim-key\r\n\r\n").await.unwrap();
        sleep(Duration::from_millis(50)).await;
        server.shutdown().await;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap_or_default();
        assert!(bytes.is_empty());
    });
}
