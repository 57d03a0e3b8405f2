/* The program's HTTP seam with the S3 server of the tests right behind it: no sockets, no threads, no time. */
#pragma once

#include "standin/s3/server.h"

/* Every host is this server. A request that stalls ends as one that was given up. The server outlives it. */
struct http *s3_transport_new(struct s3_server *server);
