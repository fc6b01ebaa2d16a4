/*
 * bare_curl: the least that libcurl needs to send given bodies to a URL: what connload's own cost is measured against.
 *
 *   bare_curl URL KEY CONCURRENCY BODIES
 *
 * BODIES holds one JSON body a line; each is sent in one POST. A curl_multi loop over handles that are used again,
 * HTTP/1.1, curl_multi_poll(), the URL parsed once. Answers are counted and forgotten: no CSV, no checks, no JSON, no
 * journal, no results. Prints how many were answered with 2xx; exits 1 where that is not all.
 */
#include <curl/curl.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024, POLL_MS = 1000, SPARE_CONNECTIONS = 4 };

struct bodies {
    const char *at, *end;
};

static bool bodies_open(struct bodies *bodies, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;
    void *bytes;

    if (fd < 0 || fstat(fd, &about) != 0)
        return false;
    bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        return false;
    *bodies = (struct bodies){bytes, (const char *)bytes + about.st_size};
    return true;
}

static bool bodies_next(struct bodies *bodies, const char **body, size_t *len)
{
    const char *stop;

    if (bodies->at == bodies->end)
        return false;
    stop = memchr(bodies->at, '\n', (size_t)(bodies->end - bodies->at));
    *body = bodies->at;
    *len = (size_t)((stop != NULL ? stop : bodies->end) - bodies->at);
    bodies->at = stop != NULL ? stop + 1 : bodies->end;
    return true;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's */
static size_t forget(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes, (void)context;
    return size * count;
}

static struct curl_slist *make_headers(const char *key)
{
    char line[LINE_MAX_BYTES];
    struct curl_slist *headers;

    snprintf(line, sizeof(line), "X-API-KEY: %s", key);
    headers = curl_slist_append(NULL, line);
    headers = curl_slist_append(headers, "Accept: application/json");
    headers = curl_slist_append(headers, "Content-Type: application/json");
    return curl_slist_append(headers, "Expect:");
}

static CURL *make_handle(CURLU *url, struct curl_slist *headers)
{
    CURL *easy = curl_easy_init();

    curl_easy_setopt(easy, CURLOPT_CURLU, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, forget);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "bare_curl");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return easy;
}

static bool send_next(CURLM *multi, CURL *easy, struct bodies *bodies)
{
    const char *body;
    size_t len;

    if (!bodies_next(bodies, &body, &len))
        return false;
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_multi_add_handle(multi, easy);
    return true;
}

/* Takes what has ended and sends the next in its place; how many were answered with 2xx. */
static unsigned long collect(CURLM *multi, struct bodies *bodies, unsigned long *in_flight, unsigned long *ended)
{
    unsigned long good = 0;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        CURL *easy = message->easy_handle;
        long status = 0;

        if (message->data.result == CURLE_OK)
            curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        good += status / 100 == 2;
        ++*ended;
        curl_multi_remove_handle(multi, easy);
        if (!send_next(multi, easy, bodies))
            --*in_flight;
    }
    return good;
}

int main(int argc, char **argv)
{
    unsigned long concurrency = argc == 5 ? strtoul(argv[3], NULL, 10) : 0, in_flight = 0, ended = 0, good = 0;
    struct bodies bodies;
    struct curl_slist *headers;
    CURLM *multi;
    CURLU *url;
    int running;

    if (concurrency == 0 || !bodies_open(&bodies, argv[4])) {
        fprintf(stderr, "usage: bare_curl URL KEY CONCURRENCY BODIES\n");
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)concurrency + SPARE_CONNECTIONS);
    url = curl_url();
    curl_url_set(url, CURLUPART_URL, argv[1], 0);
    headers = make_headers(argv[2]);
    while (in_flight < concurrency && send_next(multi, make_handle(url, headers), &bodies))
        in_flight++;
    while (in_flight > 0) {
        curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
        curl_multi_perform(multi, &running);
        good += collect(multi, &bodies, &in_flight, &ended);
    }
    printf("%lu\n", good);
    return good == ended ? 0 : 1;
}
