#pragma once
// A disk that fails when told to: an SQLite VFS over the default one.

#include <cstdint>

namespace muster::store::test {

class FaultVfs {
public:
    enum class Fault : std::uint8_t { write_error, disk_full, sync_error };

    /// Registered with SQLite at the first use; the name is for SqliteOptions::vfs.
    static const char* name();

    /// The `nth` write, truncation or sync from now on fails as `fault` says (a sync error: the first sync from there);
    /// `lasting`: so do all after it, until disarm(). A failing write has written half of its bytes.
    static void arm(int nth, Fault fault, bool lasting);
    static void disarm();
    /// Whether a fault has struck since arm().
    static bool struck();
};

}  // namespace muster::store::test
