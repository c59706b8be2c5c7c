#include "discovery/redis_protocol.h"

#include <hiredis/hiredis.h>

namespace weir::discovery {
namespace {

using Kind = RedisReply::Kind;

/// Where the reader's task puts what it has read: into the list that it belongs to, or by itself.
RedisReply* place(const redisReadTask* task) {
    if (!task->parent) return new RedisReply;
    return &static_cast<RedisReply*>(task->parent->obj)->items[static_cast<size_t>(task->idx)];
}

void* take_string(const redisReadTask* task, char* text, size_t size) {
    auto* reply = place(task);
    reply->kind = task->type == REDIS_REPLY_ERROR ? Kind::error : Kind::text;
    reply->text.assign(text, size);
    return reply;
}

/// Null, which the reader takes for a lack of memory, for a list that is too long.
void* take_list(const redisReadTask* task, int items) {
    auto& announced = *static_cast<size_t*>(task->privdata);
    announced += static_cast<size_t>(items);
    if (announced > RedisReader::kMostItems) return nullptr;
    auto* reply = place(task);
    reply->kind = Kind::list;
    reply->items.resize(static_cast<size_t>(items));
    return reply;
}

void* take_number(const redisReadTask* task, long long number) {
    auto* reply = place(task);
    reply->kind = Kind::number;
    reply->number = number;
    return reply;
}

void* take_nil(const redisReadTask* task) {
    return place(task);
}

void let_go(void* reply) {
    delete static_cast<RedisReply*>(reply);
}

redisReplyObjectFunctions functions = {take_string, take_list, take_number, take_nil, let_go};

}  // namespace

std::string redis_command(std::span<const std::string_view> words) {
    std::vector<const char*> starts;
    std::vector<size_t> sizes;
    for (auto word : words) {
        starts.push_back(word.data());
        sizes.push_back(word.size());
    }
    char* bytes = nullptr;
    int size = redisFormatCommandArgv(&bytes, static_cast<int>(words.size()), starts.data(), sizes.data());
    if (size < 0) return {};
    std::string command(bytes, static_cast<size_t>(size));
    redisFreeCommand(bytes);
    return command;
}

void RedisReader::End::operator()(redisReader* reader) const {
    redisReaderFree(reader);
}

RedisReader::RedisReader() : reader_(redisReaderCreateWithFunctions(&functions)) {
    reader_->privdata = &items_;
}

Status RedisReader::feed(std::string_view bytes) {
    unread_ += bytes.size();
    if (unread_ > kMostBytes) return fail("the answer is larger than {} MiB", kMostBytes >> 20);
    if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK)
        return fail("the answer cannot be read: {}", reader_->errstr);
    return {};
}

Result<std::optional<RedisReply>> RedisReader::next() {
    void* whole = nullptr;
    if (redisReaderGetReply(reader_.get(), &whole) != REDIS_OK) {
        if (reader_->err == REDIS_ERR_OOM) return fail("the answer has lists of more than {}", kMostItems);
        return fail("this is no Redis server: {}", reader_->errstr);
    }
    if (!whole) return std::nullopt;
    std::unique_ptr<RedisReply> reply(static_cast<RedisReply*>(whole));
    unread_ = reader_->len - reader_->pos;
    items_ = 0;
    return std::optional(std::move(*reply));
}

}  // namespace weir::discovery
