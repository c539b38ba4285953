#pragma once
// The embedded store on a simulated disk, and what befalls them.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "muster/store/sqlite.hpp"
#include "support/disk_vfs.hpp"
#include "support/random.hpp"

namespace muster::sim {

class Machine {
public:
    using Seen = std::map<std::string, std::uint64_t>;
    Machine(std::uint64_t seed, Seen& seen);

    /// What the last process has left, opened by the next one. Throws std::runtime_error.
    std::unique_ptr<location::Store> open();
    /// A start was refused: true if the disk is the reason. It is mended then.
    bool refused();
    bool has_died() const { return disk.has_ended(); }

    /// From here on, or no longer, the process may be killed or the power go at any operation.
    void may_end(bool may);
    /// The process is killed, or the power goes, at this moment.
    void ends(test::Disk::End how);
    /// The disk fails somehow, for a while: until the disk is healed.
    void falls_ill();

    /// Operations that failed since the last commit that was done, if any did.
    bool was_ill() const { return disk.struck() != struck_when_done_; }
    void commit_done() { struck_when_done_ = disk.struck(); }
    void started() { is_opening_ = false; }

    test::Disk disk;

private:
    void plan_end();

    test::Seeded random_;
    Seen& seen_;
    test::DiskVfs vfs_{disk};
    store::SqliteOptions options_;
    bool may_end_ = false, is_opening_ = false;
    std::uint64_t struck_when_done_ = 0, struck_when_opened_ = 0;
};

}  // namespace muster::sim
