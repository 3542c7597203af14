//! The messages that make a connection part of the computation.
//!
//! 1. The caller sends its [`Hello`], with a nonce.
//! 2. The callee replies with its own, an answer, and the proof that it knows the secret and saw
//!    both hellos.
//! 3. The caller says whether it goes on, with its own proof: a caller that has given up in the
//!    meantime must not count as connected.
//! 4. If connections are encrypted, both agree on keys ([`Seal`]).
//!
//! Nothing is sent to a connection that does not begin as a hello. No word of a process that has
//! not proven to know the secret can end the start-up of another; without a secret that is true of
//! no process, and anybody who reaches the port can.

use std::net::TcpStream;

use super::hello::{BYTES, Hello, MAGIC, Refusal};
use super::link::Seal;
use super::secret::{PROOF, Secret};
use super::wire::Wire;

/// The callee's answer, after its hello.
const WELCOME: u8 = 1;
const TAKEN: u8 = 2;
const REFUSED: u8 = 3;

/// The caller's last word.
const CONFIRM: u8 = 6;
const DECLINE: u8 = 7;

/// What the proofs are for: a callee's proof is none of a caller.
const OF_CALLEE: &str = "strads: I answer";
const OF_CALLER: &str = "strads: I call";

/// Who we are and what we know.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// How we introduce ourselves.
    pub(super) hello: Hello,
    /// What we share with our peers.
    pub(super) secret: Secret,
}

/// Introduces ourselves to `callee`, on a connection that we have opened. Gives the keys of an
/// encrypted connection.
pub(super) fn call(
    stream: &TcpStream,
    us: &Identity,
    callee: u32,
) -> Result<Option<Seal>, Refusal> {
    let mut wire = Wire::new(stream)?;
    let ours = us.hello.to(callee)?;
    let first = ours.encode();
    wire.send(&first)?;
    let second = hello(&mut wire)?;
    let theirs = Hello::decode(&second).ok_or_else(stranger)?;
    ours.check_release(&theirs).map_err(Refusal::Passing)?;
    let [answer] = wire.receive()?;
    let proof: [u8; PROOF] = wire.receive()?;
    if !us.secret.accepts(&proof, OF_CALLEE, &[&first, &second, &[answer]]) {
        return Err(Refusal::passing("does not know our secret"));
    }
    let judgement = judge_callee(&ours, &theirs, callee, answer);
    let word = if judgement.is_ok() { CONFIRM } else { DECLINE };
    let proof = us.secret.prove(OF_CALLER, &[&first, &second, &[answer, word]]);
    wire.send(&[&[word][..], &proof].concat())?;
    judgement?;
    match ours.encrypted() {
        true => Seal::call(&mut wire, &us.secret, &[&first, &second]).map(Some),
        false => Ok(None),
    }
}

/// Whether the process that answers is the one we want to compute with.
fn judge_callee(ours: &Hello, theirs: &Hello, callee: u32, answer: u8) -> Result<(), Refusal> {
    let end = |why: String| Refusal::Final(format!("process {callee} {why}"));
    ours.check_generation(theirs).map_err(Refusal::Passing)?;
    ours.check_run(theirs).map_err(end)?;
    if theirs.process != callee {
        return Err(end(format!("answers as process {}: hostfiles differ", theirs.process)));
    }
    match answer {
        WELCOME => Ok(()),
        TAKEN => Err(end(format!("is connected with another process {} already", ours.process))),
        _ => Err(Refusal::passing("turned us away")),
    }
}

/// Hears out whoever has opened a connection with us, and gives the index of the process and the
/// keys of an encrypted connection. `taken` says whether a process is connected already.
pub(super) fn answer(
    stream: &TcpStream,
    us: &Identity,
    taken: impl Fn(u32) -> bool,
) -> Result<(u32, Option<Seal>), Refusal> {
    let mut wire = Wire::new(stream)?;
    let first = hello(&mut wire)?;
    let theirs = Hello::decode(&first).ok_or_else(stranger)?;
    let ours = us.hello.to(theirs.process)?;
    let second = ours.encode();
    let judgement = judge_caller(&ours, &theirs, taken);
    let answer = match &judgement {
        Ok(()) => WELCOME,
        Err(refused) => refused.0,
    };
    let proof = us.secret.prove(OF_CALLEE, &[&first, &second, &[answer]]);
    wire.send(&[&second[..], &[answer], &proof].concat())?;
    if let Err(why) = ours.check_release(&theirs) {
        return Err(Refusal::Passing(format!("process {} {why}", theirs.process)));
    }
    let [word] = wire.receive()?;
    let proof: [u8; PROOF] = wire.receive()?;
    if !us.secret.accepts(&proof, OF_CALLER, &[&first, &second, &[answer, word]]) {
        return Err(Refusal::passing("does not know our secret"));
    }
    judgement.map_err(|refused| refused.1)?;
    if word != CONFIRM {
        return Err(Refusal::passing("did not confirm"));
    }
    let seal = match ours.encrypted() {
        true => Some(Seal::answer(&mut wire, &us.secret, &[&first, &second])?),
        false => None,
    };
    Ok((theirs.process, seal))
}

/// Whether a caller may join; if not, what to answer and why.
fn judge_caller(
    ours: &Hello,
    theirs: &Hello,
    taken: impl Fn(u32) -> bool,
) -> Result<(), (u8, Refusal)> {
    let caller = theirs.process;
    let named = |why: String| format!("process {caller} {why}");
    let passing = |why: String| (REFUSED, Refusal::Passing(named(why)));
    ours.check_release(theirs).map_err(passing)?;
    ours.check_generation(theirs).map_err(passing)?;
    ours.check_run(theirs).map_err(|why| (REFUSED, Refusal::Final(named(why))))?;
    if theirs.callee != ours.process {
        return Err(passing(format!("takes us for process {}: hostfiles differ", theirs.callee)));
    }
    if caller <= ours.process || caller >= ours.processes {
        return Err(passing(format!("has no business calling process {}", ours.process)));
    }
    if taken(caller) {
        return Err((TAKEN, Refusal::Passing(named("is connected already".into()))));
    }
    Ok(())
}

fn stranger() -> Refusal {
    Refusal::passing("not a strads process")
}

/// Reads a hello; the first bytes suffice to see that it is none.
fn hello(wire: &mut Wire<'_>) -> Result<[u8; BYTES], Refusal> {
    let magic: [u8; MAGIC.len()] = wire.receive()?;
    if magic != MAGIC {
        return Err(stranger());
    }
    let rest: [u8; BYTES - MAGIC.len()] = wire.receive()?;
    let mut bytes = [0; BYTES];
    bytes.iter_mut().zip(magic.iter().chain(&rest)).for_each(|(to, from)| *to = *from);
    Ok(bytes)
}
