/* A world whose processes keep their files in S3: the server of the tests, without sockets, in front of the world's
 * objects. Faults hit the requests, and what the store makes of them (retries, looking before it decides) is swept. */
#pragma once

#include "world/world.h"

void s3_world(struct world *world); /* from now on */
