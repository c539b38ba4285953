#include "power.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "fault_vfs.hpp"

namespace muster::store::test {
namespace {

constexpr std::size_t sector = 512;
constexpr std::string_view log_suffix = "-wal";

std::string contents(const std::string& path) {
    std::string bytes(std::filesystem::file_size(path), '\0');
    std::ifstream(path, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return bytes;
}

}  // namespace

Power::Power(Disk disk) : disk_(disk) { FaultVfs::watch(this); }
Power::~Power() { FaultVfs::watch(nullptr); }

void Power::cut_at(From from, int nth) {
    std::lock_guard guard(lock_);
    from_ = from;
    until_ = nth;
}

void Power::cut() {
    std::lock_guard guard(lock_);
    if (!std::exchange(is_cut_, true)) left_ = files_;
}

bool Power::is_cut() const {
    std::lock_guard guard(lock_);
    return is_cut_;
}

std::uint64_t Power::start_overs() const {
    std::lock_guard guard(lock_);
    return start_overs_;
}

/// One operation, of that kind.
void Power::count(From event) {
    if (is_cut_ || until_ == 0) return;
    if (event == from_) from_ = From::now;
    if (from_ != From::now || --until_ > 0) return;
    is_cut_ = true;
    left_ = files_;
}

/// What was there before this watch began is taken to be on the disk.
void Power::opened(const std::string& name) {
    std::lock_guard guard(lock_);
    if (files_.contains(name)) return;
    auto& file = files_[name];
    file.exists = std::filesystem::exists(name);
    if (file.exists) file.synced = contents(name);
}

void Power::written(const std::string& name, std::int64_t offset, std::string_view bytes) {
    std::lock_guard guard(lock_);
    auto& file = files_[name];
    const bool is_log = name.ends_with(log_suffix);
    const bool starts_over = is_log && offset == 0 && !(file.synced.empty() && file.since.empty());
    start_overs_ += starts_over;
    count(starts_over ? From::start_over : is_log ? From::now : From::checkpoint);
    file.since.push_back({static_cast<std::size_t>(offset), std::string(bytes)});
}

void Power::truncated(const std::string& name, std::int64_t size) {
    std::lock_guard guard(lock_);
    count(From::now);
    files_[name].since.push_back({static_cast<std::size_t>(size), {}, true});
}

void Power::synced(const std::string& name) {
    std::lock_guard guard(lock_);
    count(From::now);
    if (disk_ == Disk::lying) return;
    auto& file = files_[name];
    for (const auto& write : file.since) apply(write, file.synced);
    file.since.clear();
    file.exists = true;
}

void Power::removed(const std::string& name) {
    std::lock_guard guard(lock_);
    files_.erase(name);
}

void Power::apply(const Write& write, std::string& to) {
    if (write.is_end) return to.resize(write.offset);
    to.resize(std::max(to.size(), write.offset + write.bytes.size()));
    to.replace(write.offset, write.bytes.size(), write.bytes);
}

/// All of what was not synced has reached the disk, or nothing, or what came before some moment, or sectors at random.
std::string Power::what_is_left(const File& file, std::mt19937_64& random) {
    auto left = file.synced;
    const auto way = random() % 4;
    const auto whole = way == 0   ? file.since.size()
                       : way == 1 ? std::size_t{0}
                                  : static_cast<std::size_t>(random() % (file.since.size() + 1));
    for (std::size_t i = 0; i < file.since.size(); ++i) {
        const auto& write = file.since[i];
        if (i < whole && way != 3) {
            apply(write, left);
            continue;
        }
        if (way < 2 || (way == 2 && i > whole)) break;
        if (write.is_end && random() % 2) apply(write, left);
        for (std::size_t at = 0; at < write.bytes.size();) {  // torn
            const auto size = std::min(sector - (write.offset + at) % sector, write.bytes.size() - at);
            if (random() % 2) apply({write.offset + at, write.bytes.substr(at, size)}, left);
            at += size;
        }
    }
    return left;
}

void Power::restore(std::mt19937_64& random, const std::string& database) {
    std::lock_guard guard(lock_);
    std::string main;  // all others have its name and a suffix
    for (const auto& [name, file] : left_)
        if (main.empty() || name.size() < main.size()) main = name;
    for (const auto& [name, file] : left_) {
        if (!file.exists && random() % 2) continue;
        std::ofstream(database + name.substr(main.size()), std::ios::binary) << what_is_left(file, random);
    }
    files_.clear();
    left_.clear();
    is_cut_ = false;
    until_ = 0;
}

}  // namespace muster::store::test
