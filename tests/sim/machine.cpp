#include "sim/machine.hpp"

#include <vector>

namespace muster::sim {

using test::Disk;

Machine::Machine(std::uint64_t seed, Seen& seen) : disk(seed ^ 0xd15c), random_(seed ^ 0x3ac), seen_(seen) {
    options_.path = "muster.db";
    options_.log.age = random_.pick(std::vector<base::Seconds>{base::Seconds(60), base::Seconds(600'000)});
    options_.log.rows = random_.pick(std::vector<unsigned>{3, 20, 1'000});
    options_.log.per_binding = random_.below(4);
    options_.vfs = vfs_.name();
    options_.simulated = true;
    options_.checkpoint_pages = random_.pick(std::vector<int>{5, 20, 100});
}

std::unique_ptr<location::Store> Machine::open() {
    const auto before = disk.counters();
    seen_["ended in a start"] += is_opening_ && disk.has_ended();
    is_opening_ = true;
    disk.end(Disk::End::kill);  // what has ended in peace, or was refused, has left all that it wrote
    disk.restart();
    if (disk.counters().torn != before.torn) ++seen_["torn write"];
    if (disk.counters().lost != before.lost) ++seen_["lost write"];
    plan_end();
    struck_when_opened_ = disk.struck();
    return store::open_sqlite(options_);
}

bool Machine::refused() {
    if (disk.struck() == struck_when_opened_) return false;
    ++seen_["start refused"];
    disk.heal();
    return true;
}

void Machine::may_end(bool may) {
    may_end_ = may;
    disk.end_at({}, {}, 0);
    plan_end();
}

void Machine::ends(Disk::End how) {
    ++seen_[how == Disk::End::kill ? "kill" : "power cut"];
    disk.end(how);
}

/// Somewhere in the next operations, in the next checkpoint, or when the write-ahead log starts over.
void Machine::plan_end() {
    if (!may_end_ || random_.chance(40)) return;
    const auto from = static_cast<Disk::From>(random_.below(3));
    const auto most = random_.chance(15) ? 12U : from == Disk::From::now ? 400U : 40U;
    disk.end_at(random_.chance(40) ? Disk::End::kill : Disk::End::power_cut, from,
                1 + static_cast<int>(random_.below(most)));
}

void Machine::falls_ill() {
    switch (random_.below(3)) {
        case 0:
            ++seen_["disk unreliable"];
            return disk.fail_often(static_cast<unsigned>(1 + random_.below(40)));
        case 1:
            ++seen_["disk full"];
            return disk.has_room_for(static_cast<std::int64_t>(random_.below(60'000)));
        default:
            ++seen_["disk fault"];
            disk.fail_at(1 + static_cast<int>(random_.below(40)), static_cast<Disk::Fault>(random_.below(4)),
                         random_.chance(50));
    }
}

}  // namespace muster::sim
