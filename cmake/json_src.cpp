// Boost.JSON, compiled once for all of its users.
#include <boost/json/src.hpp>
