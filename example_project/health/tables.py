"""The tables of everything that is known of a user, in the groups of the migration's author."""

from __future__ import annotations

GROUPS = {
    "raw data": ["vitals_raw_data", "nutrition_raw_data", "pharmacy_raw_data", "healthkit_raw_data"],
    "categorized data": ["vitals_raw_categorized", "lab_report_categorized"],
    "hourly aggregates": ["vitals_hourly_aggregates"],
    "daily aggregates": [
        "vitals_daily_aggregates",
        "nutrition_daily_aggregates",
        "mental_health_daily",
        "pharmacy_daily_aggregates",
        "healthkit_daily_aggregates",
        "lab_reports_daily",
    ],
    "weekly aggregates": [
        "vitals_weekly_aggregates",
        "nutrition_weekly_aggregates",
        "pharmacy_weekly_aggregates",
        "healthkit_weekly_aggregates",
    ],
    "monthly aggregates": [
        "vitals_monthly_aggregates",
        "nutrition_monthly_aggregates",
        "pharmacy_monthly_aggregates",
        "healthkit_monthly_aggregates",
    ],
    "quarterly and yearly aggregates": ["lab_reports_quarterly", "lab_reports_yearly"],
    "nutrition goals and planning": ["nutrition_goals", "user_nutrient_focus", "nutrition_meal_plans"],
    "sync status": ["vitals_sync_status", "nutrition_sync_status", "healthkit_sync_status"],
    "clinical data": ["clinical_notes", "clinical_reports", "medical_images", "lab_reports"],
    "chat and communication": ["chat_sessions", "chat_messages", "agent_memory"],
    "appointments": ["appointments", "consultation_requests"],
    "user profile and preferences": [
        "user_profiles",
        "user_conditions",
        "user_allergies",
        "user_lifestyle",
        "user_consents",
        "user_measurement_preferences",
    ],
    "health data": [
        "patient_health_records",
        "health_data_history",
        "patient_health_summaries",
        "health_scores",
        "mental_health_entries",
    ],
    "authentication and security": ["user_identities", "login_events", "password_reset_tokens"],
    "devices and notifications": ["user_devices", "user_notifications"],
    "logs and feedback": ["document_processing_logs", "feedback"],
    "pharmacy": ["pharmacy_medications", "pharmacy_bills"],
}
# Not every deployment has these.
LEGACY = [
    "user_health_conditions",
    "user_dietary_restrictions",
    "user_medications",
    "user_health_goals",
    "nutrition_logs",
    "mental_health_logs",
    "vitals",
    "vitals_aggregates",
    "vitals_categorized",
]
TABLES = sorted(table for group in [*GROUPS.values(), LEGACY] for table in group)

# A row of these tables is the user's, and is known by nothing else.
KEYED_BY_USER = {"user_profiles", "user_lifestyle", "patient_health_summaries"}
# Who else has to do with a row, and may leave without it.
STAFF = {
    "appointments": "doctor_id",
    "consultation_requests": "doctor_id",
    "clinical_notes": "author_id",
    "clinical_reports": "author_id",
    "lab_reports": "reviewer_id",
    "medical_images": "reviewer_id",
    "feedback": "answered_by_id",
}
# Rows of a day.
DATED = {"vitals_daily_aggregates", "nutrition_daily_aggregates"}
