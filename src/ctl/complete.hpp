#pragma once
// Completion: a few lines of shell ask `musterctl __complete WORD... -- CURRENT` for what may stand at the cursor.

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace muster::ctl {

/// A script for "bash", "zsh" or "fish", to be sourced, or put where the shell finds it; empty for others.
std::string_view completion_script(std::string_view shell);

/// What may stand for `current` after the words `before`: lines of a word, a tab and its meaning; ":files" alone where
/// a file is wanted. Addresses-of-record and domains are asked of the daemon, for a second at most, in silence.
std::string complete(std::span<const std::string> before, std::string_view current);

/// The same from the command line of the scripts: the words, "--", the current one.
std::string complete(std::span<char* const> arguments);

}  // namespace muster::ctl
