//! How the command ends.

use std::process::ExitCode;

/// The documented exit codes of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The computation failed.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The input data is bad.
    Input = 3,
    /// A peer was lost or could not be reached; trying again may help.
    Peer = 4,
    /// Not converged within the limits; the result was still written and says so.
    NotConverged = 5,
    /// A checkpoint or model cannot be used.
    Model = 6,
}

impl Exit {
    /// The code, as the operating system sees it.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_documented() {
        let all = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::Input,
            Exit::Peer,
            Exit::NotConverged,
            Exit::Model,
        ];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 4, 5, 6]);
    }
}
