#pragma once
// Puts a new configuration in the place of the one that runs.

#include <string>

namespace muster::ctl {

/// Writes `text` beside `path`, durably and with its owner and mode, keeps the file that is there as `path`.bak and
/// gives the new one its name, in one step. Throws std::runtime_error with a message for people; nothing has changed
/// then.
void replace_configuration(const std::string& path, const std::string& text);
/// Takes `path`.bak back. Throws std::runtime_error.
void restore_configuration(const std::string& path);

}  // namespace muster::ctl
