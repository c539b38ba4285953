#pragma once
// System calls that fail, for tests on real files.

#include <array>
#include <atomic>

namespace muster::store::test {

enum class Call { open, pread, fstat, ftruncate, pwrite, sync };

/// For as long as it lives, SQLite's calls of that kind can be made to fail (`sync`: everybody's fsync and fdatasync).
/// One at a time of a kind.
class FailingCall {
public:
    FailingCall(Call which, int error);
    ~FailingCall();
    FailingCall(const FailingCall&) = delete;
    FailingCall& operator=(const FailingCall&) = delete;

    /// False when this SQLite makes no such call: one built elsewhere may read and write by other ones.
    bool is_possible() const { return is_possible_; }

    /// The `nth` call from now on fails, and with `lasting` all after it. A failing write has written half of its
    /// bytes.
    void arm(int nth, bool lasting);
    void disarm();
    bool struck() const;
    /// Calls still to come until one fails.
    int left() const;

private:
    const Call which_;
    bool is_possible_ = true;
};

}  // namespace muster::store::test
