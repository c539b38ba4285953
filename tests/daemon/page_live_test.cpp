// Who has the page open is sent what changed, no more and no less.

#include "page_live.hpp"

#include <gtest/gtest.h>

namespace muster::daemon {
namespace {

/// Reads one piece after the other, when told to.
struct Browser {
    std::shared_ptr<admin::Stream> stream;
    std::vector<std::string> got;

    void asks() {
        stream->next([this](std::string text) { got.push_back(std::move(text)); });
    }
};

std::string parts(const std::string& json) { return "event: parts\ndata: " + json + "\n\n"; }

TEST(PageFeed, SendsAllAtFirstThenWhatChanged) {
    PageFeed feed;
    Browser browser{feed.open(), {}};
    EXPECT_FALSE(feed.is_watched());
    browser.asks();
    EXPECT_TRUE(feed.is_watched());
    feed.publish({{"a", "1"}, {"b", "<p>\n"}});
    ASSERT_EQ(browser.got.size(), 1u);
    EXPECT_EQ(browser.got[0], parts(R"({"a":"1","b":"<p>\n"})"));
    EXPECT_FALSE(feed.is_watched()) << "it has not asked again";
    browser.asks();
    feed.publish({{"a", "1"}, {"b", "<p>\n"}});
    EXPECT_EQ(browser.got.size(), 1u) << "nothing changed";
    EXPECT_TRUE(feed.is_watched());
    feed.publish({{"a", "2"}, {"b", "<p>\n"}});
    ASSERT_EQ(browser.got.size(), 2u);
    EXPECT_EQ(browser.got[1], parts(R"({"a":"2"})"));
}

TEST(PageFeed, WhoIsSlowMissesWhatWasBetween) {
    PageFeed feed;
    Browser slow{feed.open(), {}}, late{feed.open(), {}};
    slow.asks();
    feed.publish({{"a", "1"}, {"b", "1"}});
    feed.publish({{"a", "2"}, {"b", "1"}});
    feed.publish({{"a", "3"}, {"b", "1"}});
    slow.asks();
    late.asks();
    feed.publish({{"a", "4"}, {"b", "1"}});
    ASSERT_EQ(slow.got.size(), 2u);
    EXPECT_EQ(slow.got[1], parts(R"({"a":"4"})"));
    ASSERT_EQ(late.got.size(), 1u);
    EXPECT_EQ(late.got[0], parts(R"({"a":"4","b":"1"})")) << "who comes later is told all";
}

TEST(PageFeed, WhoHasGoneIsForgotten) {
    PageFeed feed;
    Browser cancelled{feed.open(), {}}, gone{feed.open(), {}};
    cancelled.asks();
    gone.asks();
    cancelled.stream->cancel();
    cancelled.stream->cancel();
    gone.stream.reset();
    feed.publish({{"a", "1"}});
    EXPECT_TRUE(cancelled.got.empty());
    EXPECT_TRUE(gone.got.empty());
    EXPECT_FALSE(feed.is_watched());
}

TEST(PageFeed, AReaderMayOutliveIt) {
    Browser browser;
    {
        PageFeed feed;
        browser.stream = feed.open();
        browser.asks();
    }
    browser.stream->cancel();
    EXPECT_TRUE(browser.got.empty());
}

}  // namespace
}  // namespace muster::daemon
