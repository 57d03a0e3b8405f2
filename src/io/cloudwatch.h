/* Amazon CloudWatch: numbers that alarms and dashboards look at. PutMetricData in the Query protocol, which AWS and the
 * servers that imitate it all speak; the endpoint is AWS's of the region, or AWS_ENDPOINT_URL_CLOUDWATCH. */
#pragma once

#include "io/aws_credentials.h"
#include "io/opening.h"

enum {
    CLOUDWATCH_METRICS_MAX = 1000, /* in one call */
    CLOUDWATCH_DIMENSIONS_MAX = 30,
    CLOUDWATCH_TEXT_MAX = 1024, /* of a dimension's value */
};

struct cloudwatch_metric {
    const char *name, *unit; /* "Count", "Seconds" */
    double value;            /* finite */
};
struct cloudwatch_data {
    const char *space; /* the namespace: "DataSync" */
    const struct http_pair *dimensions;
    int dimension_count;
    const struct cloudwatch_metric *metrics; /* each with all dimensions */
    int metric_count;
};

struct cloudwatch;
/* `config`: as for an identity; its http, where given, is the network here, too. RC_CONFIG: nobody says which region.
 */
RC cloudwatch_new(const struct aws_config *config, const struct opening *with, struct cloudwatch **ret,
                  struct error *err);
void cloudwatch_free(struct cloudwatch *self);
AUTO_DEFINE(cloudwatch)
/* Tried again where that may help: a number that arrives twice counts twice where it is summed, which is better than
 * one that is missing. */
RC cloudwatch_put(struct cloudwatch *self, const struct cloudwatch_data *data, struct error *err);
/* Dimensions are ASCII and do not begin with ':': other bytes as %XX, and what is too long ends in '~'. */
const char *cloudwatch_dimension(const char *text, struct arena *arena);
