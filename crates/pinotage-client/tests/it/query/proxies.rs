//! Servers behind a proxy.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use pinotage_client::{Connection, Proxy, Remedy, ServerAddress, ServerFailure, ServerQuery};
use pinotage_common::{Error, ErrorKind, Secret};

use super::places::{Place, ask, by_netty, connection, golden, netty, server, servers, table};

/// `me:hunter2`
const WHO: &str = "Basic bWU6aHVudGVyMg==";

/// A proxy that makes tunnels, for whoever has the password, to all ports but one; and what was asked for.
fn proxy(forbidden: u16) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    // It ends with the tests' process.
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let told = Arc::clone(&told);
            std::thread::spawn(move || tunnel(client, forbidden, &told));
        }
    });
    (url, asked)
}

fn tunnel(mut client: TcpStream, forbidden: u16, told: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
    told.lock().unwrap().push(target.clone());
    if !head.lines().any(|line| line == format!("Proxy-Authorization: {WHO}")) {
        return client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    }
    if target.ends_with(&format!(":{forbidden}")) {
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    }
    let mut server = TcpStream::connect(&target)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        to.shutdown(Shutdown::Both)
    });
    std::io::copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Both)
}

fn through(url: &str, password: &str, connection: &Connection) -> Connection {
    let proxy = Proxy {
        url: url.to_owned(),
        user: Some("me".into()),
        password: Some(Secret::new(password)),
        except: Vec::new(),
    };
    Connection { proxy: Some(proxy), ..connection.clone() }
}

#[tokio::test]
async fn servers_are_asked_through_a_proxy() {
    for place in [Place::Modern, Place::Secure] {
        let Some(cluster) = place.cluster() else { return };
        let straight = connection(cluster);
        let name = "proxied";
        let segment = table(cluster, &golden("indexes"), name);
        let query = by_netty(name, "", &["i"], &[&segment]);
        let mut netty = netty(cluster, 0).await;
        if place == Place::Secure {
            netty = ServerAddress { port: cluster.servers[0].netty_tls_port, tls: true, ..netty };
        }
        for server in [server(cluster, 0).await, netty] {
            let error = async |connection: &Connection, query: &ServerQuery| -> Error {
                ask(&servers(connection), &server, query).await.map(|_| ()).unwrap_err()
            };
            let (url, asked) = proxy(0);
            let right = through(&url, "hunter2", &straight);
            let (tables, _) = ask(&servers(&right), &server, &query).await.unwrap();
            assert_eq!(tables.iter().map(|table| table.num_rows()).sum::<usize>(), 60);
            assert_eq!(*asked.lock().unwrap(), [server.to_string()], "{place:?}");

            let found = error(&through(&url, "hunter3", &straight), &query).await;
            assert_eq!(found.kind(), ErrorKind::InvalidConfig, "{found}");
            assert!(found.advice().contains("proxy.password") && found.to_string().contains(&url), "{found}");
            assert!(!format!("{found:?}").contains("hunter3"), "{found:?}");

            // Nobody asks the proxy for what is reached without it.
            asked.lock().unwrap().clear();
            let mut excepted = through(&url, "hunter3", &straight);
            excepted.proxy.as_mut().unwrap().except = vec!["127.0.0.0/8".into()];
            ask(&servers(&excepted), &server, &query).await.unwrap();
            assert!(asked.lock().unwrap().is_empty());

            let (strict, _) = proxy(server.port);
            let found = error(&through(&strict, "hunter2", &straight), &query).await;
            assert_eq!(ServerFailure::of(&found).unwrap().remedy, Remedy::OtherReplica);
            assert!(found.advice().contains("CONNECT") && found.to_string().contains(&strict), "{found}");

            let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let found = error(&through(&format!("http://{nobody}"), "hunter2", &straight), &query).await;
            assert!(found.to_string().contains(&format!("nothing listens at the proxy http://{nobody}")), "{found}");
        }
    }
}
