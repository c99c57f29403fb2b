// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#include "CCurl.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct koine_http {
  CURL *easy;
};

// The library is opened when it is first needed: linked, it and the twenty that it brings would cost
// every command some milliseconds at its start.
#ifdef __APPLE__
static const char library[] = "libcurl.4.dylib";
#else
static const char library[] = "libcurl.so.4";
#endif

static struct {
  __typeof__(&curl_global_init) global_init;
  __typeof__(&curl_easy_init) easy_init;
  __typeof__(&curl_easy_cleanup) easy_cleanup;
  __typeof__(&curl_easy_reset) easy_reset;
  CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
  __typeof__(&curl_easy_perform) easy_perform;
  __typeof__(&curl_easy_strerror) easy_strerror;
  __typeof__(&curl_slist_append) slist_append;
  __typeof__(&curl_slist_free_all) slist_free_all;
} curl;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode initialized = CURLE_FAILED_INIT;

static void initialize(void) {
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
  const struct {
    const char *name;
    void *place;
  } functions[] = {
      {"curl_global_init", &curl.global_init}, {"curl_easy_init", &curl.easy_init},
      {"curl_easy_cleanup", &curl.easy_cleanup}, {"curl_easy_reset", &curl.easy_reset},
      {"curl_easy_setopt", &curl.easy_setopt}, {"curl_easy_perform", &curl.easy_perform},
      {"curl_easy_strerror", &curl.easy_strerror}, {"curl_slist_append", &curl.slist_append},
      {"curl_slist_free_all", &curl.slist_free_all},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    void *found = dlsym(handle, functions[i].name);
    if (!found) return;
    *(void **)functions[i].place = found;
  }
  initialized = curl.global_init(CURL_GLOBAL_DEFAULT);
}

koine_http *koine_http_create(void) {
  pthread_once(&once, initialize);
  if (initialized != CURLE_OK) return NULL;
  koine_http *http = malloc(sizeof *http);
  if (!http) return NULL;
  http->easy = curl.easy_init();
  if (!http->easy) {
    free(http);
    return NULL;
  }
  return http;
}

void koine_http_free(koine_http *http) {
  if (!http) return;
  curl.easy_cleanup(http->easy);
  free(http);
}

static size_t take_header(char *line, size_t size, size_t count, void *context) {
  const koine_http_request *request = context;
  return request->on_header(request->context, line, size * count) ? 0 : size * count;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
  const koine_http_request *request = context;
  if (size * count == 0) return 0;
  return request->on_body(request->context, bytes, size * count) ? 0 : size * count;
}

static int tick(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
  (void)a, (void)b, (void)c, (void)d;
  const koine_http_request *request = context;
  return request->on_tick(request->context);
}

static int result_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return KOINE_HTTP_DONE;
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_WRITE_ERROR:
      return KOINE_HTTP_STOPPED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return KOINE_HTTP_UNRESOLVED;
    case CURLE_COULDNT_CONNECT:
      return KOINE_HTTP_UNCONNECTED;
    case CURLE_OPERATION_TIMEDOUT:
      return KOINE_HTTP_TIMED_OUT;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_HTTP3:
    case CURLE_QUIC_CONNECT_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
      return KOINE_HTTP_BROKEN;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return KOINE_HTTP_UNTRUSTED;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return KOINE_HTTP_REFUSED;
    default:
      return KOINE_HTTP_FAILED;
  }
}

int koine_http_perform(koine_http *http, const koine_http_request *request, char *message,
                       size_t message_size) {
  CURL *easy = http->easy;
  struct curl_slist *lines = NULL;
  char detail[CURL_ERROR_SIZE] = "";
  CURLcode code = CURLE_OK;

  // Options of the last exchange go, connections stay.
  curl.easy_reset(easy);
  for (size_t i = 0; i < request->header_count; i++) {
    struct curl_slist *longer = curl.slist_append(lines, request->headers[i]);
    if (!longer) {
      curl.slist_free_all(lines);
      snprintf(message, message_size, "out of memory");
      return KOINE_HTTP_FAILED;
    }
    lines = longer;
  }

#define SET(option, value) \
  if (code == CURLE_OK) code = curl.easy_setopt(easy, option, value)
  SET(CURLOPT_ERRORBUFFER, detail);
  SET(CURLOPT_URL, request->url);
#if LIBCURL_VERSION_NUM >= 0x075500
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
  SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  // A path is asked for as it is written.
  SET(CURLOPT_PATH_AS_IS, 1L);
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  // Timeouts without signals: other threads are at work.
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_CONNECTTIMEOUT_MS, request->connect_timeout_ms);
  SET(CURLOPT_TCP_KEEPALIVE, 1L);
  if (request->is_direct) SET(CURLOPT_PROXY, "");
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_USERAGENT, request->user_agent);
  SET(CURLOPT_HTTPHEADER, lines);
  SET(CURLOPT_HEADERFUNCTION, take_header);
  SET(CURLOPT_HEADERDATA, (void *)request);
  SET(CURLOPT_WRITEFUNCTION, take_body);
  SET(CURLOPT_WRITEDATA, (void *)request);
  SET(CURLOPT_NOPROGRESS, 0L);
  SET(CURLOPT_XFERINFOFUNCTION, tick);
  SET(CURLOPT_XFERINFODATA, (void *)request);
#undef SET
  if (code == CURLE_OK) code = curl.easy_perform(easy);

  snprintf(message, message_size, "%s",
           code == CURLE_OK ? "" : detail[0] ? detail : curl.easy_strerror(code));
  // Nothing on this stack may be reached later, nor stay in memory for the next exchange.
  curl.easy_reset(easy);
  curl.slist_free_all(lines);
  return result_of(code);
}
