"""The documents that orchestrators and people already know, as their documentation shows them."""
import json

# Word for word.
SEED_METADATA = json.loads("""{
  "execution_id": "sync_20250912_143022_a3f8e1b2",
  "start_time": "2025-09-12T14:30:22.135401+00:00",
  "pipeline": "us_dw_hybrid_v1_2",
  "tables_requested": ["orders"],
  "total_tables": 1,
  "table_results": {
    "orders": {
      "status": "success",
      "rows_processed": 15000,
      "files_created": 3,
      "duration_seconds": 45.2,
      "completed_at": "2025-09-12T14:31:07.466043+00:00"
    }
  },
  "status": "success",
  "end_time": "2025-09-12T14:31:07.567890+00:00",
  "duration_seconds": 45.43,
  "summary": {
    "success_count": 1,
    "failure_count": 0,
    "total_rows_processed": 15000,
    "total_files_created": 3
  }
}""")
SEED_METRICS = {
    "table_name": "", "pipeline": "",
    "mysql_metrics": {"rows_extracted": 0, "batches_processed": 0, "extraction_duration_seconds": 0, "avg_rows_per_second": 0},
    "s3_metrics": {"files_created": 0, "total_size_bytes": 0, "total_size_mb": 0, "compression_ratio": 0},
    "redshift_metrics": {"rows_loaded": 0, "files_loaded": 0, "load_duration_seconds": 0, "copy_statements_executed": 0,
                         "avg_load_rate_rows_per_second": 0},
}


def keys(value):
    """The shape of a document: its keys in their order, all the way down."""
    return [(key, keys(value[key])) for key in value] if isinstance(value, dict) else None
