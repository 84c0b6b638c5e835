use super::*;

const WORKER: &str = "workers: {detector: {command: [detect], ";

fn refusal(text: &str) -> String {
    match Configuration::parse(text) {
        Ok(configuration) => panic!("{text:?} was read as {configuration:?}"),
        Err(error) => error.to_string(),
    }
}

fn worker(values: &str) -> WorkerConfiguration {
    let text = format!("{WORKER}{values}}}}}");
    let mut configuration = Configuration::parse(&text).unwrap();
    configuration.workers.remove("detector").unwrap()
}

#[test]
fn every_key_is_read() {
    let text = r#"
pool:
  memory_limit_percent: 0.6   # of the host's
  max_workers_per_model: 8
  enable_huge_pages: true
  enable_numa_aware: false
  enable_predictive_scaling: true
  enable_chaos_testing: true
monitoring:
  prometheus_endpoint: :9090
  tracing_endpoint: jaeger:4318
  health_check_port: 8080
workers:
  detector:
    command: [python3, detector.py, "4"]
    batch: 8
    delay: 5ms
    least: 1
    most: 3
    queue: 256
    credits: 2
    grace: 30s
    cpus: "0-3,6"
    environment: {THREADS: "4"}
  ocr:
    command: [ocr]
"#;
    let detector = WorkerConfiguration {
        command: ["python3", "detector.py", "4"].map(str::to_owned).to_vec(),
        batch: Some(8),
        delay: Some(Duration::from_millis(5)),
        least: Some(1),
        most: 3,
        queue: Some(256),
        credits: Some(2),
        grace: Some(Duration::from_secs(30)),
        cpus: vec![0, 1, 2, 3, 6],
        environment: BTreeMap::from([("THREADS".to_owned(), "4".to_owned())]),
    };
    let ocr = WorkerConfiguration {
        command: vec!["ocr".to_owned()],
        batch: None,
        delay: None,
        least: None,
        most: 8,
        queue: None,
        credits: None,
        grace: None,
        cpus: Vec::new(),
        environment: BTreeMap::new(),
    };
    let expected = Configuration {
        pool: PoolConfiguration {
            memory_limit_percent: Some(0.6),
            max_workers_per_model: 8,
            enable_huge_pages: true,
            enable_numa_aware: false,
            enable_predictive_scaling: true,
            enable_chaos_testing: true,
        },
        monitoring: MonitoringConfiguration {
            prometheus_endpoint: Some(SocketAddr::from(([127, 0, 0, 1], 9090))),
            tracing_endpoint: Some("http://jaeger:4318".to_owned()),
            health_check_port: Some(8080),
        },
        workers: [("detector".to_owned(), detector), ("ocr".to_owned(), ocr)].into(),
    };
    assert_eq!(Configuration::parse(text).unwrap(), expected);
}

#[test]
fn what_says_nothing_is_as_by_default() {
    for text in [
        "",
        "# nothing",
        "pool:\nmonitoring:\nworkers:\n",
        "pool:\n  enable_huge_pages:",
    ] {
        let configuration = Configuration::parse(text).unwrap();
        assert_eq!(configuration, Configuration::default(), "{text:?}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    for (text, expected) in [
        (
            "pol: {}",
            "the key pol is unknown: did you mean pool? known here are pool, monitoring, workers",
        ),
        (
            "pool: {max_worker_per_model: 4}",
            "the key pool.max_worker_per_model is unknown: did you mean max_workers_per_model?",
        ),
        (
            "pool: {enable_hugepages: true}",
            "did you mean enable_huge_pages?",
        ),
        (
            "monitoring: {health_port: 1}",
            "did you mean health_check_port?",
        ),
        (
            "workers: {detector: {command: [a], bacth: 4}}",
            "the key workers.detector.bacth is unknown: did you mean batch?",
        ),
        (
            "workers: {detector: {command: [a], zzzzzzzz: 4}}",
            "the key workers.detector.zzzzzzzz is unknown: known here are command, batch",
        ),
    ] {
        let refusal = refusal(text);
        assert!(
            refusal.starts_with(expected)
                || expected.starts_with("did") && refusal.contains(expected),
            "{refusal}"
        );
    }
}

#[test]
fn a_value_out_of_its_bounds_is_refused_with_what_is_possible() {
    for (values, expected) in [
        (
            "batch: 0",
            "workers.detector.batch is 0: possible are 1 to 100",
        ),
        (
            "batch: 101",
            "workers.detector.batch is 101: possible are 1 to 100",
        ),
        (
            "least: -1",
            "workers.detector.least is -1: possible are 0 to 256",
        ),
        (
            "most: 0",
            "workers.detector.most is 0: possible are 1 to 256",
        ),
        (
            "queue: 0",
            "workers.detector.queue is 0: possible are 1 to 1000000",
        ),
        (
            "credits: 9",
            "workers.detector.credits is 9: possible are 1 to 8",
        ),
        (
            "delay: 11s",
            "workers.detector.delay is \"11s\": possible are 0s to 10s",
        ),
        (
            "delay: -1ms",
            "workers.detector.delay is \"-1ms\": possible are 0s to 10s",
        ),
        (
            "grace: 11min",
            "workers.detector.grace is \"11min\": possible are 0s to 600s",
        ),
        (
            "cpus: \"0-1024\"",
            "workers.detector.cpus is \"0-1024\": possible are 0 to 1023",
        ),
    ] {
        assert_eq!(refusal(&format!("{WORKER}{values}}}}}")), expected);
    }
    for (text, expected) in [
        (
            "pool: {max_workers_per_model: 0}",
            "pool.max_workers_per_model is 0: possible are 1 to 256",
        ),
        (
            "pool: {memory_limit_percent: 0}",
            "pool.memory_limit_percent is 0: possible are above 0 to 1",
        ),
        (
            "pool: {memory_limit_percent: 101}",
            "pool.memory_limit_percent is 101: possible are above 0 to 1",
        ),
        (
            "pool: {memory_limit_percent: .nan}",
            "pool.memory_limit_percent is .nan: possible are above 0 to 1",
        ),
        (
            "monitoring: {health_check_port: 65536}",
            "monitoring.health_check_port is 65536: possible are 1 to 65535",
        ),
    ] {
        assert_eq!(refusal(text), expected);
    }
}

#[test]
fn the_ends_of_the_bounds_are_possible() {
    let worker =
        worker("batch: 100, delay: 10s, least: 1, most: 1, grace: 10min, cpus: \"1023, 5\"");
    assert_eq!(
        (worker.batch, worker.least, worker.most),
        (Some(100), Some(1), 1)
    );
    assert_eq!(worker.delay, Some(Duration::from_secs(10)));
    assert_eq!(worker.grace, Some(Duration::from_secs(600)));
    assert_eq!(worker.cpus, [5, 1023]);
    let all = Configuration::parse("pool: {memory_limit_percent: 1}").unwrap();
    assert_eq!(all.pool.memory_limit_percent, Some(1.0));
}

#[test]
fn a_value_of_another_kind_or_form_is_refused_with_how_to_write_it() {
    for (values, expected) in [
        ("batch: many", "batch is \"many\": write a whole number"),
        ("batch: 1.5", "batch is 1.5: write a whole number"),
        (
            "delay: 5",
            "delay is 5: write a time with its unit, such as 5ms",
        ),
        (
            "delay: 5 parsecs",
            "delay is \"5 parsecs\": write a time with its unit",
        ),
        ("delay: infs", "delay is \"infs\": write a time"),
        ("cpus: 3", "cpus is 3: write processors in quotes"),
        ("cpus: \"3-1\"", "cpus is \"3-1\": write processors"),
        ("cpus: \"\"", "cpus is \"\": write processors"),
        (
            "environment: {THREADS: 4}",
            "environment is a mapping: write texts by name, such as {THREADS: \"4\"}",
        ),
        (
            "environment: {\"A=B\": \"4\"}",
            "environment is a mapping: write texts by name",
        ),
    ] {
        let refusal = refusal(&format!("{WORKER}{values}}}}}"));
        let expected = format!("workers.detector.{expected}");
        assert!(refusal.starts_with(&expected), "{refusal}");
    }
    for (text, expected) in [
        ("[pool]", "the file is a list: write keys with values"),
        ("pool: 4", "pool is 4: write keys with values"),
        ("pool: {1: 2}", "pool is 1: write a text as a key"),
        (
            "pool: {enable_huge_pages: yes}",
            "pool.enable_huge_pages is \"yes\": write true or false",
        ),
        (
            "workers: {detector: detect}",
            "workers.detector is \"detect\": write keys",
        ),
        (
            "workers: {detector: {}}",
            "workers.detector.command is missing",
        ),
        (
            "workers: {detector: {command: detect}}",
            "workers.detector.command is \"detect\": write a list",
        ),
        (
            "workers: {detector: {command: [detect, 4]}}",
            "workers.detector.command is a list: write a list of program and arguments, such as [python3, detector.py, \"4\"]: numbers in quotes",
        ),
        (
            "workers: {detector: {command: []}}",
            "workers.detector.command is a list: write a list",
        ),
        (
            "workers: {a/b: {command: [detect]}}",
            "workers cannot be called \"a/b\"",
        ),
        (
            "monitoring: {prometheus_endpoint: 9090}",
            "monitoring.prometheus_endpoint is 9090: write \":9090\" for this machine",
        ),
        (
            "monitoring: {prometheus_endpoint: \"localhost:9090\"}",
            "monitoring.prometheus_endpoint is \"localhost:9090\": write",
        ),
        (
            "monitoring: {tracing_endpoint: \"https://jaeger:4318\"}",
            "monitoring.tracing_endpoint is \"https://jaeger:4318\": write a collector of OTLP over HTTP",
        ),
        (
            "monitoring: {tracing_endpoint: jaeger}",
            "monitoring.tracing_endpoint is \"jaeger\": write",
        ),
        (
            "monitoring: {tracing_endpoint: \":4318\"}",
            "monitoring.tracing_endpoint is \":4318\": write",
        ),
    ] {
        let refusal = refusal(text);
        assert!(refusal.starts_with(expected), "{refusal}");
    }
}

#[test]
fn a_number_of_percent_is_refused_with_the_share_to_write() {
    assert_eq!(
        refusal("pool: {memory_limit_percent: 75}"),
        "pool.memory_limit_percent is 75: it is a share, in spite of its name; write 0.75"
    );
}

#[test]
fn a_port_that_takes_no_otlp_over_http_is_refused_with_the_one_that_does() {
    for (port, protocol) in [
        ("6831", "over UDP, which is obsolete"),
        ("6832", "over UDP"),
        ("4317", "OTLP over gRPC"),
    ] {
        for scheme in ["", "http://"] {
            let refusal = refusal(&format!(
                "monitoring: {{tracing_endpoint: \"{scheme}jaeger:{port}\"}}"
            ));
            assert!(refusal.contains(protocol), "{refusal}");
            assert!(
                refusal.ends_with("write http://jaeger:4318 for OTLP over HTTP"),
                "{refusal}"
            );
        }
    }
}

#[test]
fn only_an_address_that_is_written_out_is_listened_at_for_others() {
    for (written, address) in [
        (":0", "127.0.0.1:0"),
        ("0.0.0.0:9090", "0.0.0.0:9090"),
        ("[::1]:9090", "[::1]:9090"),
    ] {
        let text = format!("monitoring: {{prometheus_endpoint: \"{written}\"}}");
        let configuration = Configuration::parse(&text).unwrap();
        let endpoint = configuration.monitoring.prometheus_endpoint.unwrap();
        assert_eq!(endpoint.to_string(), address);
    }
}

#[test]
fn numbers_of_workers_that_contradict_each_other_are_refused() {
    assert_eq!(
        refusal(&format!("{WORKER}least: 3, most: 2}}}}")),
        "workers.detector has least: 3, but there may be no more than 2: lower it, or raise most"
    );
    assert_eq!(
        refusal(&format!(
            "pool: {{max_workers_per_model: 2}}\n{WORKER}most: 3}}}}"
        )),
        "workers.detector has most: 3, but pool.max_workers_per_model is 2: lower the one, or raise the other"
    );
    // Not named, it is what any name may have.
    assert!(
        refusal(&format!(
            "pool: {{max_workers_per_model: 2}}\n{WORKER}least: 3}}}}"
        ))
        .contains("no more than 2")
    );
}

#[test]
fn what_is_no_yaml_is_refused_with_its_line_and_a_key_that_stands_twice_by_name() {
    for (text, detail) in [
        ("pool:\n  a: [", "line 3"),
        ("pool: {}\npool: {}", "\"pool\""),
        ("workers: {a: {command: [a]}, a: {command: [b]}}", "\"a\""),
    ] {
        let refusal = refusal(text);
        assert!(
            refusal.starts_with("the file is no valid YAML ("),
            "{refusal}"
        );
        assert!(refusal.contains(detail), "{refusal}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Configuration::read("/nowhere/workers.yaml").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("/nowhere/workers.yaml cannot be read ("),
        "{error}"
    );
}
