//! The templates of `scripts/launch`, with stand-ins for the programs of clusters.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Children, Outcome, free_addresses};

/// A directory with stand-ins that come first on the path, a secret, and a program `strads`.
struct Stage {
    directory: tempfile::TempDir,
}

impl Stage {
    fn new() -> Stage {
        let stage = Stage { directory: tempfile::tempdir().expect("a directory") };
        stage.program("strads", &format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_strads")));
        fs::write(stage.path("secret"), "the secret of this run\n").expect("room");
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("room");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("our own file");
    }

    /// Runs a command whose programs are looked for here first.
    fn run(&self, command: &mut Command) -> Outcome {
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.directory.path().display()));
        let mut children = Children::new();
        children.spawn(command.env_remove("STRADS_SECRET"));
        children.wait().remove(0)
    }
}

fn template(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/launch").join(name)
}

/// The arguments of a fit whose model is at a path with a blank in it.
fn fit(stage: &Stage) -> (Vec<String>, PathBuf) {
    let model = stage.path("the model.safetensors");
    let fit = "strads lasso inputs/diabetes.csv --target progression --shards 2 --model";
    let mut words: Vec<String> = fit.split(' ').map(String::from).collect();
    words.push(model.display().to_string());
    (words, model)
}

fn assert_model(outcome: &Outcome, model: &Path) {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(model.exists() && outcome.stdout.contains("objective"), "{outcome:?}");
}

#[test]
fn ssh_starts_a_process_on_every_host() {
    let stage = Stage::new();
    // The words of the remote command are read by a shell, as ssh does it.
    stage.program("ssh", "while [ \"$1\" != 127.0.0.1 ]; do shift; done; shift; exec sh -c \"$*\"");
    let hosts = format!("# two\n{}\n", free_addresses(2).join("  # a host\n"));
    fs::write(stage.path("hosts"), hosts).expect("room");
    let (words, model) = fit(&stage);
    let mut command = Command::new(template("ssh"));
    let outcome = stage.run(command.arg(stage.path("hosts")).arg(stage.path("secret")).args(words));
    assert_model(&outcome, &model);

    let mut command = Command::new(template("ssh"));
    command.arg(stage.path("hosts")).arg(stage.path("secret"));
    let outcome = stage.run(command.args(["strads", "lasso", "/nonexistent"]));
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
}

#[test]
fn slurm_starts_a_process_a_task() {
    let stage = Stage::new();
    stage.program("scontrol", "echo localhost");
    let tasks = "shift; SLURM_PROCID=1 \"$@\" & SLURM_PROCID=0 \"$@\"; code=$?; wait; exit $code";
    stage.program("srun", tasks);
    // Two neighbouring ports that were free a moment ago.
    let port = (0..100)
        .find_map(|_| {
            let address = free_addresses(1).remove(0);
            let port: u16 = address.rsplit(':').next()?.parse().ok()?;
            std::net::TcpListener::bind(("127.0.0.1", port.checked_add(1)?)).ok().map(|_| port)
        })
        .expect("free ports");
    let (words, model) = fit(&stage);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::create_dir(stage.path("work")).expect("room");
    std::os::unix::fs::symlink(manifest.join("inputs"), stage.path("work/inputs")).expect("room");
    let mut command = Command::new(template("slurm"));
    command.args(words).current_dir(stage.path("work")).env("PORT", port.to_string());
    for (name, value) in [
        ("SLURM_JOB_ID", "17"),
        ("SLURM_JOB_NODELIST", "localhost"),
        ("SLURM_NTASKS", "2"),
        ("SLURM_NTASKS_PER_NODE", "2"),
        ("SLURM_CPUS_PER_TASK", "1"),
    ] {
        command.env(name, value);
    }
    assert_model(&stage.run(&mut command), &model);
    let secret = fs::metadata(stage.path("work/strads-17/secret")).expect("a secret");
    assert_eq!(secret.permissions().mode() & 0o077, 0);
}

#[test]
fn kubernetes_pods_know_their_number() {
    let text = fs::read_to_string(template("kubernetes.yaml")).expect("a template");
    let script = text.split("- |\n").nth(1).and_then(|rest| rest.split("volumeMounts").next());
    let script: String =
        script.expect("a script").lines().map(|l| format!("{}\n", l.trim())).collect();
    let stage = Stage::new();
    let script = script.replace("/tmp/hosts", &stage.path("hosts").display().to_string());
    stage.program("strads", "echo \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).env("PROCESSES", "3").env("HOSTNAME", "strads-2");
    let outcome = stage.run(&mut command);
    assert!(outcome.stdout.contains("-w 4 -n 3 -p 2 -h "), "{outcome:?}");
    let hosts = fs::read_to_string(stage.path("hosts")).expect("a hostfile");
    assert_eq!(hosts, "strads-0.strads:2101\nstrads-1.strads:2101\nstrads-2.strads:2101\n");
}
