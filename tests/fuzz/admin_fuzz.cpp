// The control socket, both ends: bytes as an HTTP request become a command or a problem, and the command written again
// is the same one; bytes as an HTTP answer are printed in ASCII.

#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <iostream>
#include <sstream>
#include <string>

#include "../../src/ctl/print.hpp"
#include "input.hpp"
#include "muster/admin/codec.hpp"
#include "muster/base/text.hpp"

using namespace muster;
namespace http = boost::beast::http;
namespace json = boost::json;

namespace {

std::string_view text(boost::beast::string_view view) { return {view.data(), view.size()}; }

template <class Parser>
bool reads(Parser& parser, std::string_view bytes) {
    parser.header_limit(64 * 1024);
    parser.body_limit(64 * 1024);
    parser.eager(true);
    boost::system::error_code error;
    while (!bytes.empty() && !parser.is_done() && !error)
        bytes.remove_prefix(parser.put(boost::asio::buffer(bytes), error));
    if (!error && parser.got_some() && !parser.is_done()) parser.put_eof(error);
    return !error && parser.is_done();
}

void check_problem(const admin::Reply& reply) {
    require(reply.code != admin::Code::done);
    require(json::parse(reply.body).as_object().at("title").is_string());
}

void check_request(std::string_view input) {
    http::request_parser<http::string_body> parser;
    if (!reads(parser, input)) return;
    const auto message = parser.release();
    auto decoded = admin::decode(text(message.method_string()), text(message.target()),
                                 text(message[http::field::content_type]), message.body());
    if (const auto* problem = std::get_if<admin::Reply>(&decoded)) return check_problem(*problem);
    const auto& request = std::get<admin::Request>(decoded);
    auto again = admin::decode(request.command->method, admin::target_of(request), {}, request.body);
    const auto* same = std::get_if<admin::Request>(&again);
    require(same && same->command == request.command && same->values == request.values && same->body == request.body);
}

void check_answer(std::string_view input) {
    http::response_parser<http::string_body> parser;
    if (!reads(parser, input)) return;
    const auto message = parser.release();
    (void)admin::code_from(static_cast<int>(message.result_int()));
    boost::system::error_code error;
    const auto value = json::parse(message.body(), error);
    if (error) return;
    std::ostringstream screen;
    auto* terminal = std::cout.rdbuf(screen.rdbuf());
    for (auto noun : {"bindings", "accounts", "domains", "lookup", "status"}) {
        ctl::print_result(noun, value);
        auto table = ctl::list_table(noun);
        if (const auto* object = value.if_object()) ctl::add_item(table, noun, *object);
        table.flush();
    }
    std::cout.rdbuf(terminal);
    for (char c : screen.str()) require(c == '\n' || (c >= ' ' && c <= '~'));
}

}  // namespace

void fuzz(std::string_view input) {
    check_request(input);
    check_answer(input);
}
