// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// One HTTP exchange over the system's libcurl, without its types and its variadic functions.
#ifndef KOINE_CCURL_H
#define KOINE_CCURL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// A connection to servers: keeps what libcurl can use again from one exchange to the next.
// Belongs to one thread at a time.
typedef struct koine_http koine_http;

// How an exchange ended.
enum koine_http_result {
  KOINE_HTTP_DONE = 0,         // The answer is whole; its status may be any.
  KOINE_HTTP_STOPPED = 1,      // A callback asked for the end.
  KOINE_HTTP_UNRESOLVED = 2,   // No address for the host or the proxy.
  KOINE_HTTP_UNCONNECTED = 3,  // No connection.
  KOINE_HTTP_TIMED_OUT = 4,    // No connection in time.
  KOINE_HTTP_BROKEN = 5,       // The connection ended before the answer did.
  KOINE_HTTP_UNTRUSTED = 6,    // The server's certificate is not to be trusted.
  KOINE_HTTP_REFUSED = 7,      // libcurl does not take the request: URL, protocol.
  KOINE_HTTP_FAILED = 8        // Anything else, such as no memory.
};

// What to ask. All pointers are borrowed for the time of the call; none but `headers` (where
// `header_count` is 0) and the callbacks may be null.
typedef struct koine_http_request {
  const char *url;
  // Lines such as "Accept: */*", without line ends.
  const char *const *headers;
  size_t header_count;
  const char *user_agent;
  long connect_timeout_ms;
  // Asks the server itself, whatever proxy the environment names.
  int is_direct;
  void *context;
  // A line of the answer's head, with its line end, the status line included. 0 goes on.
  int (*on_header)(void *context, const char *line, size_t count);
  // A piece of the body. 0 goes on.
  int (*on_body)(void *context, const void *bytes, size_t count);
  // Called at least once a second, also where nothing comes. 0 goes on.
  int (*on_tick)(void *context);
} koine_http_request;

// A new connection; null where there is no memory.
koine_http *koine_http_create(void);
// Closes and frees it; null is fine.
void koine_http_free(koine_http *http);

// Asks once, following no redirect, and waits for the end. `message`, of `message_size` bytes,
// gets a sentence about what went wrong, or an empty text. Proxies are those of the environment,
// as curl reads it.
// Only http and https. Compression is not asked for and not undone.
int koine_http_perform(koine_http *http, const koine_http_request *request, char *message,
                       size_t message_size);

#ifdef __cplusplus
}
#endif

#endif
