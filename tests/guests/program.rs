//! A plain program as a renderer: does what the first word of its config says.

use std::io::{Read, Write};
use std::{fs, io, process, time};

fn main() {
    let mut request = String::new();
    io::stdin().read_to_string(&mut request).unwrap();
    let config = request.split("\"config\":\"").nth(1).unwrap_or("\"").split('"').next().unwrap();
    let (verb, argument) = config.split_once(' ').unwrap_or((config, ""));
    match verb {
        "read" => match fs::read_to_string(argument) {
            Ok(content) => print!("{content}"),
            Err(error) => fail(&format!("{argument}: {error}")),
        },
        "list" => {
            let mut names: Vec<_> =
                fs::read_dir(argument).unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect();
            names.sort();
            println!("{}", config_map(&names.join(" ")));
        }
        "write" => match fs::write(argument, "x").and_then(|()| fs::create_dir("/new")) {
            Ok(()) => println!("{}", config_map("written")),
            Err(error) => fail(&error.to_string()),
        },
        "world" => {
            let now = time::SystemTime::now().duration_since(time::UNIX_EPOCH).unwrap().as_secs();
            let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 1);
            let environment = std::env::vars().count() + std::env::args().count();
            let start = time::Instant::now();
            std::thread::sleep(time::Duration::from_secs(3600));
            let slept = start.elapsed().as_secs();
            println!("{}", config_map(&format!("{now} {random} {environment} {slept}")));
        }
        "version" => println!("{}", config_map(if cfg!(newer) { "newer" } else { "older" })),
        "spin" => loop {
            std::hint::black_box(());
        },
        "ask" => loop {
            let _ = fs::metadata("a.yaml");
        },
        "hoard" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(vec![1_u8; 1 << 20]);
            }
        }
        "flood" => loop {
            io::stdout().write_all(&[b'x'; 4096]).unwrap();
        },
        "shout" => loop {
            eprintln!("{}", "x".repeat(4096));
        },
        "panic" => panic!("no chart is good enough"),
        "fail" => fail("the chart has no name\nand no version"),
        "exit" => process::exit(1),
        "garbage" => println!("a: [1, 2"),
        "nest" => println!("{}{}", "[".repeat(5000), "]".repeat(5000)),
        _ => {
            eprintln!("the config says nothing");
            println!("{}\n---\n{}", config_map("one"), config_map("two"));
        }
    }
}

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    process::exit(1)
}

fn config_map(text: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  text: {text}")
}
