//! Processes find each other, refuse what does not fit, exchange plain-old-data messages, and notice a loss.
//!
//! Small clusters run as threads of this process. Where a process must die, they are real: this executable started
//! again with the one test [`a_process_of_a_cluster`], which does what its environment says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use bytemuck::{Pod, Zeroable};
use octaflow::cluster::{ClusterConfig, Fatal, connect, execute, launch_local};
use octaflow::dataflows::wire::PodVec;
use octaflow::{Error, Result};
use timely::communication::{AllocatorBuilder, Config};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::ExchangeCore;
use timely::dataflow::operators::core::ToStream;
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::operators::{Concat, ConnectLoop, Feedback, Inspect};
use timely::worker::Worker;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
struct Step {
    value: u32,
    rounds: u16,
    hops: u16,
    seen_by: u32,
}

const RECORDS: u32 = 5000;

/// Every worker sends its share of the records around a loop, each to a worker that depends on its value and round,
/// until it has made its rounds; returns what this worker saw last of each.
fn rounds(worker: &mut Worker, rounds: u16) -> Vec<Step> {
    let (index, peers) = (worker.index() as u32, worker.peers() as u32);
    let ended = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&ended);
    worker.dataflow::<u64, _, _>(|scope| {
        let (handle, cycle) = scope.feedback(1);
        (0..RECORDS)
            .filter(move |value| value % peers == index)
            .map(move |value| Step {
                value,
                rounds,
                hops: 0,
                seen_by: 0,
            })
            .to_stream(scope)
            .container::<PodVec<Step>>()
            .concat(cycle)
            .unary::<CapacityContainerBuilder<PodVec<Step>>, _, _, _>(
                ExchangeCore::new(|step: &Step| u64::from(step.value) * 7 + u64::from(step.hops)),
                "Round",
                move |_, _| {
                    move |input, output| {
                        input.for_each(|cap, steps: &mut PodVec<Step>| {
                            let mut session = output.session(&cap);
                            for step in timely::container::DrainContainer::drain(steps) {
                                let hops = step.hops.saturating_add(1);
                                let next = Step {
                                    hops,
                                    seen_by: step.seen_by ^ (index + 1),
                                    ..step
                                };
                                if hops < step.rounds || step.rounds == u16::MAX {
                                    session.give(next);
                                } else {
                                    keep.lock().unwrap().push(next);
                                }
                            }
                        });
                    }
                },
            )
            .inspect(|step| assert!(step.value < RECORDS))
            .connect_loop(handle);
    });
    while worker.has_dataflows() {
        worker.step_or_park(None);
    }
    std::mem::take(&mut *ended.lock().unwrap())
}

/// The records of all workers in order, without who saw them, which depends on how many workers there are.
fn gathered(workers: impl IntoIterator<Item = Vec<Step>>) -> Vec<(u32, u16)> {
    let mut all: Vec<_> = workers
        .into_iter()
        .flatten()
        .map(|s| (s.value, s.hops))
        .collect();
    all.sort_unstable();
    all
}

fn expected(rounds: u16) -> Vec<(u32, u16)> {
    (0..RECORDS).map(|value| (value, rounds)).collect()
}

fn free_addresses(count: usize) -> Vec<String> {
    let held: Vec<_> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    held.iter()
        .map(|l| l.local_addr().unwrap().to_string())
        .collect()
}

fn member(process: usize, addresses: &[String], workers: usize) -> ClusterConfig {
    ClusterConfig {
        workers,
        processes: addresses.len(),
        process,
        addresses: addresses.to_vec(),
        deadline: Duration::from_secs(20),
        settings: vec![("--partition".into(), "hash".into())],
        fatal: Fatal::default(),
    }
}

/// Connects all members at once, each in a thread, and executes `rounds` on those that connect.
fn meet(members: Vec<ClusterConfig>) -> Vec<Result<Vec<Vec<Step>>>> {
    let threads: Vec<_> = members
        .into_iter()
        .map(|config| thread::spawn(move || execute(connect(&config)?, |worker| rounds(worker, 3))))
        .collect();
    threads.into_iter().map(|t| t.join().unwrap()).collect()
}

fn sentence(result: Result<Vec<Vec<Step>>>) -> (u8, String) {
    let error = result.expect_err("the run should not have been");
    (error.exit_status(), error.to_string())
}

#[test]
fn messages_arrive_whole_over_every_allocator() {
    for config in [
        Config::Thread,
        Config::Process(2),
        Config::ProcessBinary(2),
        Config::ProcessBinary(3),
    ] {
        let (builders, guard): (Vec<AllocatorBuilder>, _) = config.try_build().unwrap();
        let guards =
            timely::execute::execute_from(builders, guard, Default::default(), |w| rounds(w, 40))
                .unwrap();
        assert_eq!(
            gathered(guards.join().into_iter().map(|r| r.unwrap())),
            expected(40)
        );
    }
    for workers in [1, 2] {
        let single = connect(&ClusterConfig::single(workers)).unwrap();
        let steps = execute(single, |worker| rounds(worker, 40)).unwrap();
        assert_eq!((steps.len(), gathered(steps)), (workers, expected(40)));
    }
}

#[test]
fn processes_meet_exchange_and_part_in_any_order() {
    for (processes, workers) in [
        (2, 1),
        (2, 2),
        (3, 1),
        (3, 2),
        (4, 1),
        (2, 1),
        (2, 1),
        (3, 1),
    ] {
        let addresses = free_addresses(processes);
        let results = meet(
            (0..processes)
                .map(|i| member(i, &addresses, workers))
                .collect(),
        );
        let steps = results.into_iter().flat_map(|result| result.unwrap());
        assert_eq!(gathered(steps), expected(3));
    }
}

#[test]
fn all_processes_of_a_run_know_its_number_and_a_late_start_is_waited_for() {
    let addresses = free_addresses(3);
    let threads: Vec<_> = (0..3)
        .map(|i| {
            let config = member(i, &addresses, 1);
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(150 * (2 - i) as u64));
                let connected = connect(&config).unwrap();
                let run = connected.run();
                // A process may take its time between the two, as when it reads a map.
                thread::sleep(Duration::from_millis(150 * i as u64));
                execute(connected, |_| ()).unwrap();
                run
            })
        })
        .collect();
    let runs: Vec<u64> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    assert!(
        runs[0] != 0 && runs.iter().all(|run| *run == runs[0]),
        "{runs:?}"
    );
}

#[test]
fn strangers_neither_break_nor_block_the_start() {
    let addresses = free_addresses(2);
    let first = member(0, &addresses, 1);
    let listening = thread::spawn(move || execute(connect(&first)?, |worker| rounds(worker, 3)));
    let knock = || {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            match TcpStream::connect(&addresses[0]) {
                Ok(stream) => return stream,
                Err(e) if Instant::now() > until => panic!("{e}"),
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
    };
    let mut strangers = Vec::new();
    let half_header = b"octaflow\x01\0\0\0\x01\0\0\0";
    let says: [&[u8]; 7] = [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        &[0; 8],
        &[0xff; 3000],
        half_header,
        &[half_header.as_slice(), &u32::MAX.to_le_bytes()].concat(),
        &[half_header.as_slice(), &300u32.to_le_bytes(), &[7; 300]].concat(),
    ];
    for _ in 0..30 {
        for text in says {
            let mut stranger = knock();
            // It may be dropped before it has said all.
            let _ = stranger.write_all(text);
            strangers.push(stranger);
        }
        drop(knock());
    }
    let second = member(1, &addresses, 1);
    let since = Instant::now();
    let results = [
        execute(connect(&second).unwrap(), |worker| rounds(worker, 3)),
        listening.join().unwrap(),
    ];
    assert!(since.elapsed() < Duration::from_secs(10));
    assert_eq!(
        gathered(results.into_iter().flat_map(|r| r.unwrap())),
        expected(3)
    );
}

#[test]
fn a_missing_process_is_named_after_the_deadline() {
    let addresses = free_addresses(3);
    let hasty = |process| ClusterConfig {
        deadline: Duration::from_millis(400),
        ..member(process, &addresses, 1)
    };
    let since = Instant::now();
    for (status, text) in meet(vec![hasty(0), hasty(2)]).into_iter().map(sentence) {
        assert_eq!(status, 3);
        assert!(
            text.contains(&format!("process 1 at {} did not", addresses[1])),
            "{text}"
        );
        assert!(text.contains("0.4 s"), "{text}");
    }
    let (status, text) = sentence(meet(vec![hasty(1)]).remove(0));
    assert_eq!(status, 3);
    assert!(
        text.contains("process 0 at") && text.contains("refused"),
        "{text}"
    );

    let silent = TcpListener::bind(&addresses[0]).unwrap();
    let (status, text) = sentence(meet(vec![hasty(1)]).remove(0));
    assert_eq!(status, 3);
    assert!(text.contains("says nothing"), "{text}");
    drop(silent);
    assert!(since.elapsed() < Duration::from_secs(10));
}

#[test]
fn an_address_in_use_is_the_machines_refusal() {
    let addresses = free_addresses(2);
    let _held = TcpListener::bind(&addresses[1]).unwrap();
    let (status, text) = sentence(meet(vec![member(1, &addresses, 1)]).remove(0));
    assert_eq!(status, 1);
    assert!(
        text.contains(&addresses[1]) && text.contains("is in use"),
        "{text}"
    );
}

#[test]
fn processes_that_were_started_differently_all_say_what_differs() {
    let addresses = free_addresses(20);
    let base = |process: usize, at: usize| member(process, &addresses[at..at + 3], 1);
    let same = |at| vec![base(0, at), base(1, at), base(2, at)];

    let mut workers = same(0);
    workers[2].workers = 2;
    let mut partition = same(3);
    partition[1].settings[0].1 = "morton".into();
    let mut extra = same(6);
    extra[2].settings.push(("--next".into(), "yes".into()));
    let mut number = same(9);
    number[2].processes = 4;
    number[2].addresses.push(addresses[19].clone());
    let mut twice = same(12);
    twice[2].process = 1;
    twice[2].addresses[1] = addresses[18].clone();
    for (members, what) in [
        (
            workers,
            "process 0 was started with -w 1 but process 2 with -w 2",
        ),
        (
            partition,
            "process 0 was started with --partition hash but process 1 with --partition morton",
        ),
        (
            extra,
            "process 0 was started without --next but process 2 with --next yes",
        ),
        (
            number,
            "process 0 was started with -n 3 but process 2 with -n 4",
        ),
        (twice, "two processes were started with -p 1"),
    ] {
        let since = Instant::now();
        for (status, text) in meet(members).into_iter().map(sentence) {
            assert_eq!((status, text.contains(what)), (2, true), "{what}: {text}");
        }
        assert!(since.elapsed() < Duration::from_secs(5), "{what}");
    }
}

#[test]
fn a_process_that_listens_at_anothers_line_is_found() {
    let addresses = free_addresses(3);
    let mut wrong = vec![
        member(0, &addresses, 1),
        member(1, &addresses, 1),
        member(2, &addresses, 1),
    ];
    wrong[2].addresses = vec![
        addresses[0].clone(),
        addresses[0].clone(),
        addresses[2].clone(),
    ];
    wrong
        .iter_mut()
        .for_each(|config| config.deadline = Duration::from_secs(5));
    let said: Vec<_> = meet(wrong).into_iter().map(sentence).collect();
    assert!(
        said.iter().all(|(status, text)| *status == 2
            && text.contains("process 0 listens where process 1 should")),
        "{said:?}"
    );
}

#[test]
fn unusable_numbers_are_refused() {
    let addresses = free_addresses(2);
    let good = member(0, &addresses, 1);
    for (bad, flag) in [
        (
            ClusterConfig {
                workers: 0,
                ..good.clone()
            },
            "-w 0",
        ),
        (
            ClusterConfig {
                processes: 0,
                ..good.clone()
            },
            "-n 0",
        ),
        (
            ClusterConfig {
                process: 2,
                ..good.clone()
            },
            "-p 2",
        ),
        (
            ClusterConfig {
                processes: 3,
                ..good.clone()
            },
            "2 addresses are given for 3 processes",
        ),
        (
            ClusterConfig {
                settings: vec![("x".into(), "y".repeat(70_000))],
                ..good.clone()
            },
            "too long",
        ),
    ] {
        let error = connect(&bad).err().unwrap();
        assert!(
            error.exit_status() == 2 && error.to_string().contains(flag),
            "{error}"
        );
    }
}

#[test]
fn a_process_that_gives_up_before_the_dataflow_tells_the_others_why() {
    let addresses = free_addresses(3);
    let threads: Vec<_> = (0..3)
        .map(|i| {
            let config = member(i, &addresses, 1);
            thread::spawn(move || {
                let connected = connect(&config).unwrap();
                if i == 2 {
                    let error = Error::input("--map x.bt ends after 3 bytes");
                    connected.abandon(&error);
                    return error;
                }
                execute(connected, |_| ()).err().unwrap()
            })
        })
        .collect();
    for error in threads.into_iter().map(|t| t.join().unwrap()) {
        assert_eq!(
            (error.exit_status(), error.to_string().as_str()),
            (2, "--map x.bt ends after 3 bytes")
        );
    }
}

// Real processes.

/// Not a test of its own: what the processes below are.
#[test]
fn a_process_of_a_cluster() {
    let Ok(role) = std::env::var("OCTAFLOW_TEST_ROLE") else {
        return;
    };
    let args: Vec<String> = std::env::args().collect();
    let after = |flag: &str| {
        args.iter()
            .position(|a| a == flag)
            .map(|i| args[i + 1].clone())
    };
    let say = |text: String| {
        std::io::stderr()
            .write_all((text + "\n").as_bytes())
            .unwrap()
    };
    let end = |error: Error| -> ! {
        say(error.to_string());
        std::process::exit(error.exit_status().into())
    };
    let processes = std::env::var("OCTAFLOW_TEST_PROCESSES")
        .unwrap()
        .parse()
        .unwrap();
    let mut local = None;
    let config = match after("-p") {
        Some(process) => {
            let hostfile = after("--hostfile").unwrap();
            let addresses = octaflow::cluster::addresses(processes, Some(hostfile.as_ref()))
                .unwrap_or_else(|e| end(e));
            member(process.parse().unwrap(), &addresses, 1)
        }
        None => {
            let args = ["--exact", "a_process_of_a_cluster", "--nocapture", "--"].map(String::from);
            let started =
                launch_local(processes, &args, &Fatal::default()).unwrap_or_else(|e| end(e));
            let config = ClusterConfig {
                fatal: started.fatal(),
                ..member(0, started.addresses(), 1)
            };
            local = Some(started);
            config
        }
    };
    let troubled = config.process == 1;
    if troubled && role == "unusable" {
        end(Error::input("--source 1,2 is not X,Y,Z"));
    }
    let connected = connect(&config).unwrap_or_else(|e| end(e));
    let endless = role != "finish";
    say(format!(
        "process {} is {}",
        config.process,
        std::process::id()
    ));
    let results = execute(connected, move |worker| {
        if troubled && role == "panic" {
            panic!("the invariant of a test is broken");
        }
        rounds(worker, if endless { u16::MAX } else { 50 })
    });
    let records = results.unwrap_or_else(|e| end(e)).concat().len();
    say(format!("{records} records"));
    if let Some(local) = local {
        local.wait().unwrap_or_else(|e| end(e));
    }
    std::process::exit(0);
}

/// A started process whose stderr is read as it comes.
struct Started {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<thread::JoinHandle<()>>,
}

impl Started {
    fn new(role: &str, processes: usize, more: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_process_of_a_cluster", "--nocapture", "--"])
            .args(more)
            .env("OCTAFLOW_TEST_ROLE", role)
            .env("OCTAFLOW_TEST_PROCESSES", processes.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (stderr, kept) = (
            BufReader::new(child.stderr.take().unwrap()),
            Arc::clone(&lines),
        );
        let reader = thread::spawn(move || {
            for line in stderr.lines().map_while(|line| line.ok()) {
                kept.lock().unwrap().push(line);
            }
        });
        Started {
            child,
            lines,
            reader: Some(reader),
        }
    }

    /// Waits until some line has `word` in it, and returns what follows.
    fn hears(&self, word: &str) -> String {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let lines = self.lines.lock().unwrap().clone();
            if let Some((_, rest)) = lines.iter().find_map(|line| line.split_once(word)) {
                return rest.to_owned();
            }
            assert!(Instant::now() < until, "no {word:?} in {lines:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the end; returns the status, the lines of stderr and what stdout held beyond the test harness's own.
    fn end(mut self) -> (ExitStatus, Vec<String>, String) {
        let until = Instant::now() + Duration::from_secs(30);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < until,
                "still running: {:?}",
                self.lines.lock().unwrap()
            );
            thread::sleep(Duration::from_millis(5));
        };
        self.reader.take().unwrap().join().unwrap();
        let mut stdout = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut stdout)
            .unwrap();
        let lines = self.lines.lock().unwrap().clone();
        (
            status,
            lines,
            stdout.replace("running 1 test", "").trim().to_owned(),
        )
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Fails only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the processes of a cluster side by side; the hostfile is removed when they are connected.
fn side_by_side(role: &str, processes: usize) -> Vec<Started> {
    let path = std::env::temp_dir().join(format!(
        "octaflow-test-{}-{role}-{processes}",
        std::process::id()
    ));
    std::fs::write(&path, free_addresses(processes).join("\n")).unwrap();
    let hostfile = path.to_str().unwrap();
    let started: Vec<_> = (0..processes)
        .map(|i| {
            Started::new(
                role,
                processes,
                &["-p", &i.to_string(), "--hostfile", hostfile],
            )
        })
        .collect();
    for (index, process) in started.iter().enumerate() {
        process.hears(&format!("process {index} is "));
    }
    std::fs::remove_file(path).unwrap();
    started
}

#[test]
fn processes_started_side_by_side_finish_and_keep_stdout_clean() {
    let mut records = 0;
    for process in side_by_side("finish", 3) {
        let (status, lines, stdout) = process.end();
        assert_eq!((status.code(), stdout.as_str()), (Some(0), ""), "{lines:?}");
        assert_eq!(lines.len(), 2, "{lines:?}");
        records += lines[1].split(' ').next().unwrap().parse::<u32>().unwrap();
    }
    assert_eq!(records, RECORDS);
}

#[test]
fn a_killed_process_ends_the_others_with_one_sentence() {
    for victim in [0, 2] {
        let mut cluster = side_by_side("endless", 3);
        thread::sleep(Duration::from_millis(200));
        let mut killed = cluster.remove(victim);
        killed.child.kill().unwrap();
        let since = Instant::now();
        for process in cluster {
            let (status, lines, stdout) = process.end();
            assert_eq!((status.code(), stdout.as_str()), (Some(3), ""), "{lines:?}");
            assert_eq!(lines.len(), 2, "{lines:?}");
            assert!(lines[1].contains(" was lost during the run"), "{lines:?}");
        }
        assert!(
            since.elapsed() < Duration::from_secs(5),
            "{:?}",
            since.elapsed()
        );
    }
}

#[test]
fn a_panicking_worker_ends_its_process_and_its_peers() {
    let mut cluster = side_by_side("panic", 2);
    let (status, lines, _) = cluster.pop().unwrap().end();
    assert_eq!(status.code(), Some(1), "{lines:?}");
    assert!(
        lines
            .last()
            .unwrap()
            .contains("fault of octaflow: the invariant of a test is broken"),
        "{lines:?}"
    );
    let (status, lines, _) = cluster.pop().unwrap().end();
    assert_eq!(status.code(), Some(3), "{lines:?}");
    assert!(
        lines[1].contains("process 1 at 127.0.0.1") && lines.len() == 2,
        "{lines:?}"
    );
}

#[test]
fn the_local_launcher_runs_all_processes() {
    let launched = Started::new("finish", 3, &[]);
    let (status, lines, stdout) = launched.end();
    assert_eq!((status.code(), stdout.as_str()), (Some(0), ""), "{lines:?}");
    let records = lines
        .iter()
        .filter_map(|line| line.strip_suffix(" records")?.parse::<u32>().ok());
    assert_eq!(records.sum::<u32>(), RECORDS, "{lines:?}");
}

#[test]
fn the_launcher_takes_over_the_status_of_a_failing_child() {
    for (role, expected, reason) in [
        ("unusable", 2, "process 1 ended with exit status 2"),
        (
            "panic",
            1,
            "fault of octaflow: the invariant of a test is broken",
        ),
    ] {
        let since = Instant::now();
        let (status, lines, _) = Started::new(role, 3, &[]).end();
        assert_eq!(status.code(), Some(expected), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains(reason)), "{lines:?}");
        assert!(
            since.elapsed() < Duration::from_secs(10),
            "{:?}",
            since.elapsed()
        );
    }
}

#[test]
fn launched_processes_share_each_others_end() {
    for victim in [0, 1] {
        let launched = Started::new("endless", 3, &[]);
        let others: Vec<u32> = (0..3)
            .map(|i| launched.hears(&format!("process {i} is ")).parse().unwrap())
            .collect();
        let killed = Command::new("kill")
            .args(["-9", &others[victim].to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        let (status, lines, _) = launched.end();
        assert_eq!(
            status.code(),
            if victim == 0 { None } else { Some(3) },
            "{lines:?}"
        );
        assert!(lines.iter().any(|line| line.contains("lost")), "{lines:?}");
        let until = Instant::now() + Duration::from_secs(10);
        while others.iter().any(|id| is_alive(*id)) {
            assert!(Instant::now() < until, "{others:?} are alive");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Whether a process with this id runs; one that has ended but was not waited for does not.
fn is_alive(id: u32) -> bool {
    let found = Command::new("ps")
        .args(["-o", "stat=", "-p", &id.to_string()])
        .output()
        .unwrap();
    let state = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}
