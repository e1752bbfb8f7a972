//! What fuser's replies have in common: each can be refused.

use fuser::{Errno, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEntry, ReplyOpen};

/// A reply that can say no. Dropping one unanswered says EIO.
pub(super) trait Refuse: Send + 'static {
    /// Answers with an errno.
    fn refuse(self, errno: i32);
}

macro_rules! refuse {
    ($($reply:ty),+ $(,)?) => {
        $(impl Refuse for $reply {
            fn refuse(self, errno: i32) {
                self.error(Errno::from_i32(errno));
            }
        })+
    };
}

refuse!(ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEntry, ReplyOpen);
