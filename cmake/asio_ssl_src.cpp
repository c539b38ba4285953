// Asio's TLS, compiled once for webhooks and for the clients of benchmarks and tests.
#include <boost/asio/ssl/impl/src.hpp>
