// Asio and Beast, compiled once for all of their users.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
