// The source `file`: a list in a file, watched by inotify(7). Looked at again when its folder tells of it: a
// file that is put in place by rename(2), a symbolic link that is changed, and one that is written in place
// are all seen so. What somebody is writing is looked at when he closes it, or has paused for a while. Where
// nothing is told (the folder was not there, the file is another machine's), it is looked at every few
// seconds, and what has changed is taken when it looks the same twice.
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/read_file.h"
#include "base/unique_fd.h"
#include "discovery/kinds.h"
#include "discovery/value.h"

namespace weir::discovery {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr Setting kSettings[] = {
    required({"path", Takes::text, "the absolute path of a file"}),
};
const Section kSection{"file", kSettings};

constexpr auto kSettle = std::chrono::milliseconds(50);  // for the next of several changes
constexpr auto kPause = std::chrono::seconds(2);         // of somebody who writes and does not close
constexpr auto kLongestWrite = std::chrono::seconds(60);
constexpr auto kLookAnyway = std::chrono::seconds(5);
constexpr auto kLookTwice = std::chrono::seconds(1);

constexpr uint32_t kBegun = IN_CREATE | IN_MODIFY;
constexpr uint32_t kDone = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB;

/// What an event says of the file: that somebody writes to it, that it is another now, or that it may be.
enum class News : uint8_t { nothing, writing, changed, touched };

class File final : public Source {
  public:
    File(const Surroundings& around, std::string path, Listener& listener)
        : clock_(around.clock), path_(std::move(path)), listener_(listener), events_(around.executor) {
        next_ = clock_.after({}, [this] { look(true); });
    }

  private:
    void look(bool is_told);
    void watch();
    bool watches(int folder) const;
    void wait();
    void take(News news);
    void take_events(size_t size);
    News news_of(const inotify_event& event, std::string_view name) const;
    Result<std::string> read() const;
    void tell(const Result<std::string>& text);

    Clock& clock_;
    const std::string path_;
    Listener& listener_;
    asio::posix::stream_descriptor events_;
    std::array<char, 4096> buffer_;
    std::set<std::pair<int, std::string>> watched_;  // folders, and the file's name there
    Clock::Alarm next_;
    std::optional<Clock::Time> restless_since_;                    // while a look is to come of what was told
    std::optional<Result<std::string>> last_;                      // what was read, and told
    std::optional<Result<std::string>> once_;                      // and what was read once, but not told of
    std::shared_ptr<File*> self_ = std::make_shared<File*>(this);  // an answer may come when it has gone
};

/// Its folder, and where it is a link, that of what it leads to. Both may have become other folders.
void File::watch() {
    if (!events_.is_open()) {
        UniqueFd events(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
        if (!events) return;  // it is looked at every few seconds all the same
        watched_.clear();
        events_.assign(events.release());
        wait();
    }
    std::error_code error;
    auto former = std::exchange(watched_, {});
    for (const auto& path : {fs::path(path_), fs::canonical(path_, error)}) {
        if (path.empty()) continue;
        constexpr uint32_t kSelf = IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
        int folder =
            ::inotify_add_watch(events_.native_handle(), path.parent_path().c_str(), kBegun | kDone | kSelf);
        if (folder >= 0) watched_.emplace(folder, path.filename());
    }
    for (const auto& [folder, name] : former)
        if (!watches(folder)) ::inotify_rm_watch(events_.native_handle(), folder);
}

bool File::watches(int folder) const {
    auto found = watched_.lower_bound({folder, ""});
    return found != watched_.end() && found->first == folder;
}

void File::wait() {
    events_.async_read_some(asio::buffer(buffer_),
                            [weak = std::weak_ptr(self_)](boost::system::error_code error, size_t size) {
                                auto self = weak.lock();
                                if (!self) return;
                                auto& file = **self;
                                if (error) return file.events_.close();
                                file.take_events(size);
                                file.wait();
                            });
}

void File::take_events(size_t size) {
    for (size_t at = 0; at + sizeof(inotify_event) <= size;) {
        inotify_event event;
        std::memcpy(&event, buffer_.data() + at, sizeof event);
        std::string_view name(buffer_.data() + at + sizeof event, event.len);
        take(news_of(event, name.substr(0, name.find('\0'))));  // padded by zeros
        at += sizeof event + event.len;
    }
}

News File::news_of(const inotify_event& event, std::string_view name) const {
    if ((event.mask & IN_Q_OVERFLOW) != 0) return News::changed;
    if (!watches(event.wd)) return News::nothing;  // a former folder
    if (event.len == 0) return News::touched;      // the folder itself
    struct stat file{};
    bool is_there = ::lstat(path_.c_str(), &file) == 0;
    if (!watched_.contains({event.wd, std::string(name)})) {
        // A part of the way that a link leads may stand beside it: Kubernetes has ConfigMaps change so.
        bool is_beside = is_there && S_ISLNK(file.st_mode);
        return is_beside && (event.mask & (IN_CREATE | IN_MOVED_TO)) != 0 ? News::touched : News::nothing;
    }
    if ((event.mask & IN_MODIFY) != 0) return News::writing;
    if ((event.mask & IN_ATTRIB) != 0) return News::touched;
    // A new file is empty and will be written; a link is what it is.
    bool is_new = is_there && S_ISREG(file.st_mode) && file.st_nlink == 1;
    return (event.mask & IN_CREATE) != 0 && is_new ? News::writing : News::changed;
}

void File::take(News news) {
    if (news == News::nothing) return;
    if (news == News::touched && restless_since_) return;
    if (!restless_since_) restless_since_ = clock_.now();
    if (clock_.now() - *restless_since_ >= kLongestWrite)
        tell(
            fail("{} has been written to for {} s without a pause: the former list stays; put a new one in "
                 "place by renaming it",
                 path_, kLongestWrite.count()));
    next_ = clock_.after(news == News::writing ? Clock::Duration(kPause) : kSettle, [this] { look(true); });
}

Result<std::string> File::read() const {
    UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file) return fail_with(errno, "cannot open {}", path_);
    struct stat is{};
    if (::fstat(file.get(), &is) == 0 && !S_ISREG(is.st_mode))
        return fail("{} is not a regular file; give the path of one", path_);
    auto text = read_up_to(kLongestList + 1, file);
    if (!text) return propagate(text, "cannot read " + path_);
    if (text->size() > kLongestList)
        return fail("{} is larger than {} MiB; write less", path_, kLongestList >> 20);
    return text;
}

/// `is_told`: because the kernel has said that there is something new, and that it is whole.
void File::look(bool is_told) {
    next_ = clock_.after(kLookAnyway, [this] { look(false); });
    restless_since_.reset();
    watch();
    auto text = read();
    if (is_told || last_ == text || once_ == text) return tell(text);
    once_ = std::move(text);
    next_ = clock_.after(kLookTwice, [this] { look(false); });
}

void File::tell(const Result<std::string>& text) {
    once_.reset();
    if (last_ == text) return;
    last_ = text;
    auto list = text ? read_list(*text, path_) : propagate(text);
    if (list)
        listener_.found(*std::move(list));
    else
        listener_.failed(list.error());
}

Status check(const model::SourceSpec& spec) {
    auto path = spec.text("path");
    if (!path.starts_with('/') || path.ends_with('/') || path.contains('\0'))
        return fail("'{}' is not the absolute path of a file; begin with '/'", excerpt(path));
    return {};
}

}  // namespace

Kind file_kind() {
    return {{&kSection, check},
            [](const Surroundings& around, const model::SourceSpec& spec,
               Listener& listener) -> std::unique_ptr<Source> {
                return std::make_unique<File>(around, spec.text("path"), listener);
            }};
}

}  // namespace weir::discovery
