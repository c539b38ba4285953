#include "audit.hpp"

#include "log.hpp"
#include "muster/admin/codec.hpp"
#include "muster/base/text.hpp"

namespace muster::daemon {

/// Text that others may have chosen stands last and cannot end its quotes. The body is a password or a file: never.
admin::Answer audited(const admin::Request& request, admin::Answer answer) {
    std::string before = "audit command=\"" + std::string(request.command->noun);
    if (!request.command->verb.empty()) before.append(" ").append(request.command->verb);
    before += "\" by=\"" + request.peer + "\" result=";
    std::string after;
    for (const auto& [name, value] : request.values) after += ' ' + name + "=\"" + base::printable(value) + '"';
    return [before = std::move(before), after = std::move(after), answer = std::move(answer)](admin::Reply reply) {
        const bool good = reply.code == admin::Code::done;
        const int status = reply.status != 0 ? reply.status : admin::http_status(reply.code);
        log_line(good ? Level::info : Level::warning,
                 before + (good ? "done" : "refused") + " status=" + std::to_string(status) + after);
        answer(std::move(reply));
    };
}

}  // namespace muster::daemon
