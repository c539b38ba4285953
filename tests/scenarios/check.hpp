#pragma once
// What the statements of a scenario have in common.

#include <string>
#include <utility>

#include "muster/base/now.hpp"
#include "scenarios/scenario.hpp"
#include "support/sip_text.hpp"

namespace muster::test {

/// A failure of the statement, or of the line of its block.
struct Wrong {
    std::string message;
    int line = 0;
};

/// "name: value" as a pair; the name is empty when there is no colon. "absent name" is that name without a value.
std::pair<std::string, std::string> split_field(const std::string& line);
Fields block_fields(const Statement& statement);

/// The fields of a name that the block names must be these, in this order, and no others. "Request-URI" and "Body"
/// stand for what is no field. Throws Wrong.
void check_fields(const Statement& statement, const std::string& bytes);

/// "10s", "1h30m", "-2h", and "60000ms". Throws Wrong.
base::Milliseconds span_of(std::string text);

}  // namespace muster::test
