//! What every store promises, on real databases. One list of facts, tried on each.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "contract/brake.rs"]
mod brake;
#[path = "contract/forgetting.rs"]
mod forgetting;
#[path = "contract/house.rs"]
mod house;
#[path = "contract/index.rs"]
mod index;
#[path = "contract/keeping.rs"]
mod keeping;
#[path = "contract/keys.rs"]
mod keys;
#[path = "contract/looks.rs"]
mod looks;
#[path = "contract/outbox.rs"]
mod outbox;
#[path = "contract/reports.rs"]
mod reports;
#[path = "contract/stops.rs"]
mod stops;
#[path = "contract/totals.rs"]
mod totals;
#[path = "contract/undo.rs"]
mod undo;

#[path = "contract/postgres_schema.rs"]
mod postgres_schema;
#[path = "contract/sqlite_file.rs"]
mod sqlite_file;

use house::House;

fn on_sqlite(fact: fn(&mut House)) {
    fact(&mut House::of(Box::new(sqlite_file::SqliteFile::new())));
}

fn on_postgres(fact: fn(&mut House)) {
    if let Some(schema) = postgres_schema::PostgresSchema::new() {
        fact(&mut House::of(Box::new(schema)));
    }
}

/// Each fact becomes one test for each database.
macro_rules! facts {
    ($($room:ident: $($fact:ident)+;)+) => {
        mod sqlite {
            $($(
                #[test]
                fn $fact() {
                    super::on_sqlite(super::$room::$fact);
                }
            )+)+
        }

        mod postgres {
            $($(
                #[test]
                fn $fact() {
                    super::on_postgres(super::$room::$fact);
                }
            )+)+
        }
    };
}

facts! {
    reports:
        a_dead_mailbox_is_suppressed_a_dead_route_held_a_listed_sender_neither
        the_same_content_counts_once_in_whatever_process
        the_same_content_twice_in_a_batch_counts_once
        a_log_line_a_bounce_and_a_webhook_of_one_attempt_are_one_failure
        a_harder_stop_replaces_a_softer_one_and_not_the_other_way_round
        what_was_sent_to_is_stopped_not_where_it_was_forwarded
        soft_failures_on_five_days_stop_for_ninety
        a_stop_that_does_not_end_outlasts_one_that_does
        a_delivery_wipes_the_soft_failures_before_it
        a_complaint_is_not_lifted_by_anything_but_a_person
        unsigned_reports_are_hints_where_removals_need_a_signature
        a_story_tells_the_decision_with_its_evidence
        the_summary_counts_by_reason_domain_and_server
        the_trends_tell_days_providers_servers_and_who_came_back
        what_is_claimed_of_a_domain_is_the_newest_reason_of_the_way_there;
    stops:
        a_stopped_domain_stops_its_addresses_until_it_is_lifted_or_over
        a_stop_of_one_tenant_or_list_is_nobody_elses
        an_unsubscribe_is_about_its_list
        a_person_who_holds_somebody_for_a_day_lifts_no_complaint
        a_mail_host_stops_only_domains_that_have_no_other
        the_list_of_stops_can_be_narrowed_down_and_broken_off
        an_import_adds_what_is_harder_and_keeps_the_rest
        a_broken_off_import_leaves_nothing;
    looks:
        a_route_failure_holds_and_asks_for_one_look_at_the_domain
        a_confirmed_claim_stops_the_whole_domain_with_its_evidence
        a_refuted_claim_frees_everybody_who_waited_for_the_route
        our_own_fault_frees_everybody_and_is_told
        an_item_is_leased_to_one_owner_and_taken_over_when_the_lease_ends
        two_owners_share_the_work_and_do_nothing_twice
        what_is_given_back_is_due_again_later
        a_person_can_ask_for_a_look_at_once
        a_person_who_asks_does_not_make_two_looks_of_one
        a_delivery_to_a_dead_domain_brings_the_next_look_forward
        hosts_have_looks_of_their_own
        domains_behind_one_operator_are_one_incident
        the_way_back_frees_so_many_as_it_says_the_latest_takers_first
        who_is_on_the_way_back_is_stopped_with_the_domain_by_the_next_order
        what_a_person_holds_outlasts_the_recovery
        who_is_held_while_somebody_looks_is_looked_at_as_well
        a_second_failure_on_the_way_back_closes_it_again
        a_suppressed_or_complaining_address_does_not_come_back_with_its_domain
        lists_of_domains_and_hosts_come_page_by_page;
    brake:
        ten_thousand_hard_bounces_of_known_good_addresses_suppress_nobody
        the_same_bounces_at_the_normal_rate_suppress
        pending_removals_are_applied_together
        pending_removals_are_dropped_together
        who_was_lifted_meanwhile_is_not_removed_after_all
        a_complaint_counts_while_removals_are_frozen
        a_freeze_ends_when_the_numbers_are_usual_again;
    undo:
        a_rewind_does_what_its_preview_says_by_new_decisions
        a_rewind_leaves_what_another_decision_holds
        a_rewind_leaves_wishes_and_orders_alone_unless_they_are_named
        a_rewind_can_be_narrowed_to_provider_reason_rule_and_tenant
        a_rewind_of_lifted_or_expired_decisions_stops_nobody
        a_replay_gives_every_report_with_what_was_decided
        undetermined_reports_wait_in_clusters_until_a_rule_understands_them;
    outbox:
        what_was_decided_is_told_once_in_order_and_undo_is_told_too
        how_somebody_stands_is_told_as_it_is_when_it_is_told
        what_was_not_settled_is_told_again_when_the_lease_is_over
        nothing_overtakes_what_waits_for_another_try
        a_try_that_does_not_count_is_one_more_all_the_same_in_its_order
        a_target_that_is_away_is_left_alone_and_loses_nothing
        who_wants_to_hear_nothing_more_is_disabled_until_a_person_says_otherwise
        dead_letters_are_shown_tried_again_or_dropped
        a_whole_domain_is_told_once_or_by_its_addresses
        a_target_hears_only_of_what_is_its_business
        the_end_of_a_stop_is_told_when_it_comes
        a_preview_of_the_outbox_changes_nothing
        a_new_target_begins_with_the_first_decision_or_now
        of_who_was_forgotten_nothing_is_told
        only_one_process_tells_a_target_at_a_time;
    index:
        the_changes_make_an_index_that_agrees_with_check;
    keys:
        a_key_is_there_until_it_is_revoked_and_its_name_is_free_then
        who_changed_what_is_written_together_with_the_change
        a_tenant_reads_and_lifts_only_its_own
        the_stream_gives_each_decision_once_in_the_order_of_their_commits
        stops_come_page_by_page_and_none_is_lost_between_two;
    forgetting:
        an_erased_person_stays_stopped_and_is_written_nowhere
        the_key_moves_only_into_an_empty_store;
    keeping:
        words_that_are_old_go_and_what_was_decided_from_them_stays
        an_address_that_nothing_happened_to_for_long_is_kept_as_a_hash_and_stays_stopped
        all_that_is_known_of_a_person_is_in_one_place
        what_happened_is_told_in_its_order_and_a_note_is_written_by_one;
    totals:
        whatever_happens_the_totals_are_those_of_a_recount;
}
