//! What `make install` leaves, found by pkg-config and by CMake; and the examples, built with it as a reader does.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use crate::{
    compiler::{Language, any, built, compiler, expect_success, library, source, temporary},
    programs::driver_double,
};

/// Where everything is installed, once.
fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        library("libzenoh_pinned.so");
        let prefix = temporary("installed");
        expect_success(
            Command::new("make")
                .arg("--directory")
                .arg(source("../.."))
                .args(["--no-print-directory", "install", "DESTDIR="])
                .arg(format!("PREFIX={}", prefix.display()))
                .arg(format!("C_LIBRARIES={}", built().display()))
                // Not those of the make that runs the tests.
                .env_remove("MAKEFLAGS")
                .env_remove("MAKELEVEL"),
        );
        prefix
    })
}

/// Whether a tool is here; where not, the test says so.
fn has(tool: &str) -> bool {
    let is_here = Command::new(tool).arg("--version").output().is_ok();
    if !is_here {
        println!("skipped: there is no {tool}");
    }
    is_here
}

/// Builds an example by what pkg-config says.
fn example(language: Language, path: &str) -> PathBuf {
    let flags = expect_success(
        Command::new("pkg-config")
            .args(["--cflags", "--libs", "zenoh_pinned >= 0.1"])
            .env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig")),
    );
    let flags = String::from_utf8(flags.stdout).unwrap();
    let program = temporary(&path.replace('/', "-"));
    let mut command = compiler(any(language), language);
    command
        .arg(source("../../examples").join(path))
        .args(flags.split_whitespace());
    expect_success(command.arg("-o").arg(&program));
    program
}

fn run(program: &Path, endpoint: &str) -> Command {
    let mut command = Command::new(program);
    command
        .arg(endpoint)
        .env("LD_LIBRARY_PATH", prefix().join("lib"));
    command
}

/// Runs a camera beside a consumer that has this driver; what both said.
fn pair(camera: &Path, consumer: &Path, driver: Option<&Path>) -> [String; 2] {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp/{}", port.local_addr().unwrap());
    drop(port);
    let sending = run(camera, &endpoint)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut receiving = run(consumer, &endpoint);
    if let Some(driver) = driver {
        let libraries = prefix().join("lib");
        receiving.env(
            "LD_LIBRARY_PATH",
            format!("{}:{}", driver.display(), libraries.display()),
        );
        receiving
            .env("CUDA_DOUBLE", "copy_delay_us=2000")
            .env_remove("CUDA_VISIBLE_DEVICES");
    }
    let received = expect_success(&mut receiving).stdout;
    let sent = sending.wait_with_output().unwrap();
    assert!(sent.status.success(), "{}", sent.status);
    [sent.stdout, received].map(|said| String::from_utf8(said).unwrap())
}

fn assert_whole([sent, received]: [String; 2], path: &str) {
    println!("{sent}{received}");
    assert!(sent.contains("100 frames of 8294400 bytes, written in place in 8 slots"));
    assert!(received.contains(&format!("frame 80: 8294400 bytes, whole: yes, path {path}")));
    // While it opens its device it may miss the oldest: that is its options' choice.
    assert!(received.contains(" frames received"));
    assert_eq!(received.contains("no device: "), path == "host");
}

#[test]
fn the_examples_are_built_by_pkg_config_and_show_what_their_page_says() {
    if !has("pkg-config") {
        return;
    }
    let camera = example(Language::C, "06-c/camera.c");
    let consumer = example(Language::C, "06-c/consumer.c");
    let camera_in_cpp = example(Language::Cpp, "07-cpp/camera.cpp");
    let consumer_in_cpp = example(Language::Cpp, "07-cpp/consumer.cpp");
    assert_whole(pair(&camera, &consumer, None), "host");
    assert_whole(pair(&camera_in_cpp, &consumer_in_cpp, None), "host");
    let driver = driver_double();
    assert_whole(pair(&camera, &consumer, Some(&driver)), "direct");
    assert_whole(
        pair(&camera_in_cpp, &consumer_in_cpp, Some(&driver)),
        "direct",
    );
    for program in [camera, consumer, camera_in_cpp, consumer_in_cpp] {
        fs::remove_file(program).unwrap();
    }
}

#[test]
fn no_example_in_c_or_cpp_has_more_than_eighty_lines() {
    for path in [
        "06-c/camera.c",
        "06-c/consumer.c",
        "07-cpp/camera.cpp",
        "07-cpp/consumer.cpp",
    ] {
        let text = fs::read_to_string(source("../../examples").join(path)).unwrap();
        assert!(text.lines().count() <= 80, "{path}");
    }
}

#[test]
fn cmake_finds_the_package_in_its_version_and_builds_with_either_library() {
    if !has("cmake") {
        return;
    }
    let built = temporary("cmake");
    let configure = |version: &str| {
        let project = temporary("project");
        fs::create_dir_all(&project).unwrap();
        let program = source("../../examples/07-cpp/camera.cpp");
        let text = format!(
            "cmake_minimum_required(VERSION 3.13)\nproject(test CXX)\nset(CMAKE_CXX_STANDARD 17)\n\
             find_package(zenoh_pinned {version} REQUIRED)\n\
             foreach(kind zenoh_pinned static)\n  add_executable(with_${{kind}} {})\n  \
             target_link_libraries(with_${{kind}} PRIVATE zenoh_pinned::${{kind}})\nendforeach()\n",
            program.display()
        );
        fs::write(project.join("CMakeLists.txt"), text).unwrap();
        let mut command = Command::new("cmake");
        command.arg("-S").arg(&project).arg("-B").arg(&built);
        command.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix().display()));
        command.output().unwrap()
    };
    for version in ["0.0", "0.2", "1.0", "0.1.99"] {
        assert!(!configure(version).status.success(), "{version}");
    }
    let configured = configure("0.1");
    let errors = String::from_utf8_lossy(&configured.stderr);
    assert!(configured.status.success(), "{errors}");
    expect_success(Command::new("cmake").arg("--build").arg(&built));
    let symbols = |program: &str| {
        let mut command = Command::new("nm");
        command.arg("--undefined-only").arg(built.join(program));
        String::from_utf8(expect_success(&mut command).stdout).unwrap()
    };
    assert!(symbols("with_zenoh_pinned").contains("zp_publisher_put"));
    assert!(!symbols("with_static").contains("zp_publisher_put"));
    fs::remove_dir_all(built).unwrap();
}
