#pragma once
// A SIP message as lines of text, for user agents that share nothing with the parser they test.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace muster::test {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct SipText {
    std::string start;  ///< Request-Line or Status-Line
    Fields fields;      ///< long names
    std::string body;

    static SipText parse(std::string_view bytes);
    std::string text() const;  ///< with the Content-Length that is right

    bool is_request() const { return !start.starts_with("SIP/"); }
    std::string method() const { return start.substr(0, start.find(' ')); }  ///< of a request
    std::string uri() const;                                                 ///< of a request
    int status() const;                                                      ///< of a response

    /// The first value; empty when absent.
    std::string get(std::string_view name) const;
    /// All values, those of one line with commas told apart.
    std::vector<std::string> values(std::string_view name) const;
    void add(std::string name, std::string value) { fields.emplace_back(std::move(name), std::move(value)); }
    /// Replaces the fields of these names, adds those that were not there, and drops those whose new value is empty.
    /// "Request-URI" and "Body" stand for what is no field.
    void take(const Fields& others);

    std::string branch() const;       ///< of the topmost Via
    std::string cseq_method() const;  ///< of the CSeq
    unsigned cseq() const;
    std::string tag(std::string_view name) const;  ///< of From or To
};

/// What stands between the angle brackets, or before the parameters when there are none.
std::string uri_of(std::string_view name_addr);
/// Value of a parameter behind the URI; empty when absent.
std::string param_of(std::string_view value, std::string_view name);
/// Host and port of a URI, without parameters.
std::string host_port_of(std::string_view uri);

}  // namespace muster::test
