/* Any HTTP transport, made to fail where a plan says.
 *
 * FAIL: there is no connection, and the answer says that nothing was sent; TORN: the connection breaks while the
 * request goes out, which the server drops, or, of a GET, half of the answer comes; LATE: the server has done it, and
 * the answer is lost; STALL: the world moves on, then it is done. */
#pragma once

#include "io/http.h"
#include "world/fault.h"

/* Takes over `inner`. The plan must outlive the transport. */
struct http *fault_http_new(struct http *inner, struct fault_plan *plan);
