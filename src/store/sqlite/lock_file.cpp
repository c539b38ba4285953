#include "lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "statement.hpp"

namespace muster::store::sqlite {

namespace {

/// By whatever link or folder it is reached, a database has one name, and so have the files beside it.
std::string real_name(const std::string& path) {
    std::error_code unknown;
    const auto real = std::filesystem::weakly_canonical(path, unknown);
    return unknown ? path : real.string();
}

}  // namespace

LockFile::LockFile(const std::string& path) {
    const auto name = real_name(path) + "-lock";
    descriptor_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor_ < 0) throw Error("cannot open " + name + ": " + std::strerror(errno));
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) {
        const auto pid = std::to_string(::getpid()) + '\n';
        if (::ftruncate(descriptor_, 0) != 0 || ::write(descriptor_, pid.data(), pid.size()) < 0) {
            // The number only helps people; the lock holds without it.
        }
        return;
    }
    char holder[16] = {};
    const auto length = ::read(descriptor_, holder, sizeof holder - 1);
    ::close(descriptor_);
    const std::string_view pid(holder, length > 0 ? static_cast<std::size_t>(length) : 0);
    throw Error("in use by another musterd (process " + std::string(pid.substr(0, pid.find('\n'))) + ")");
}

LockFile::~LockFile() { ::close(descriptor_); }

void create_file(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0 && errno == EEXIST) return;
    if (file < 0) throw Error(std::string("cannot be created: ") + std::strerror(errno));
    ::close(file);
    sync_directory_of(path);
}

void sync_directory_of(const std::string& path) {
    const auto folder = std::filesystem::path(path).parent_path();
    const int directory = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool durable = directory >= 0 && ::fsync(directory) == 0;
    const int reason = errno;
    if (directory >= 0) ::close(directory);
    if (!durable) throw Error(std::string("its directory cannot be synced: ") + std::strerror(reason));
}

void close_to_others(const std::string& path) {
    using std::filesystem::perms;
    for (const char* suffix : {"", "-wal", "-shm"}) {
        const auto name = real_name(path) + suffix;
        std::error_code error;
        const auto file = std::filesystem::status(name, error);
        if (!std::filesystem::exists(file) || (file.permissions() & (perms::group_all | perms::others_all)) == perms{})
            continue;
        std::filesystem::permissions(name, perms::owner_read | perms::owner_write, error);
        if (error) throw Error("others may open " + name + ", and its mode cannot be set to 0600: " + error.message());
    }
}

}  // namespace muster::store::sqlite
